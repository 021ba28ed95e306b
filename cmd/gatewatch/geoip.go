package main

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatewatch/gatewatch/services/audit"
	"github.com/gatewatch/gatewatch/services/enrich"
)

func newGeoIP() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "geoip",
		Short: "Get a free country database, or look at mmdb files",
		Example: `  gatewatch geoip update
  gatewatch geoip info GeoLite2-City.mmdb`,
	}
	cmd.AddCommand(newGeoIPUpdate(), newGeoIPInfo())
	return cmd
}

func newGeoIPUpdate() *cobra.Command {
	var d dataFolder
	var from string
	cmd := &cobra.Command{
		Use:   "update [--data DIR]",
		Short: "Download the free country database of DB-IP into a data folder",
		Long: `Downloads DIR/geoip/` + enrich.FreeName + `, which a server uses without further
configuration, a running one within seconds. The file in use stays if the
download fails or is no whole database. DB-IP makes a new one each month.

Its licence asks that pages that show its results name it:
` + enrich.FreeAttribution,
		Example: `  gatewatch geoip update --data /var/lib/gatewatch
  gatewatch geoip update --url https://mirror.example.com/country.mmdb.gz`,
		Args: noArgs,
	}
	d.bind(cmd)
	cmd.Flags().StringVar(&from, "url", enrich.FreeURL, "where to get the file, plain or gzip; {month} stands for such as 2026-11")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if _, err := d.load(); err != nil {
			return err
		}
		if err := auditAct(cmd, d.data, audit.ActGeoIP, plainURL(from), nil); err != nil {
			return err
		}
		info, err := enrich.Download(cmd.Context(), from, filepath.Join(d.data, geoFolder, enrich.FreeName), time.Now())
		if err != nil {
			return err
		}
		return printGeoInfo(cmd, info)
	}
	return cmd
}

// plainURL is a URL without what may be a secret in it.
func plainURL(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	u.User, u.RawQuery = nil, ""
	return u.String()
}

func newGeoIPInfo() *cobra.Command {
	var d dataFolder
	cmd := &cobra.Command{
		Use:   "info [--data DIR | FILE...]",
		Short: "Check mmdb files, those of the data folder if none is named, and say whom to name as their source",
		Example: `  gatewatch geoip info --data /var/lib/gatewatch
  gatewatch geoip info GeoLite2-City.mmdb`,
	}
	d.bind(cmd)
	cmd.RunE = func(cmd *cobra.Command, files []string) error {
		if len(files) == 0 {
			if _, err := d.load(); err != nil {
				return err
			}
			files, _ = filepath.Glob(filepath.Join(d.data, geoFolder, "*.mmdb")) // only the pattern can be wrong
		}
		if len(files) == 0 {
			return usagef("%s has no mmdb file; get one with gatewatch geoip update", filepath.Join(d.data, geoFolder))
		}
		var errs []error
		for _, f := range files {
			info, err := enrich.CheckGeoIP(f)
			if err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", f, err))
				continue
			}
			errs = append(errs, printGeoInfo(cmd, info))
		}
		return errors.Join(errs...)
	}
	return cmd
}

func printGeoInfo(cmd *cobra.Command, info enrich.GeoInfo) error {
	has := "countries or places"
	switch {
	case info.Geo && info.Network:
		has += " and networks"
	case info.Network:
		has = "networks"
	}
	text := fmt.Sprintf("%s: %s of %s, with %s", info.Path, info.Type, info.Built.Format(time.DateOnly), has)
	if _, err := fmt.Fprintln(cmd.OutOrStdout(), printable(text)); err != nil {
		return err
	}
	if a := enrich.Attribution(info.Type); a != "" {
		_, err := fmt.Fprintln(cmd.OutOrStdout(), a)
		return err
	}
	return nil
}
