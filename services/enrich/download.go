package enrich

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gatewatch/gatewatch/services/durable"
)

// The free country database that [Download] gets by default. It is DB-IP's, made
// anew each month, under the Creative Commons Attribution 4.0 licence, which asks
// for the attribution wherever results are shown.
const (
	FreeURL         = "https://download.db-ip.com/free/dbip-country-lite-{month}.mmdb.gz"
	FreeName        = "dbip-country-lite.mmdb"
	FreeAttribution = "IP Geolocation by DB-IP (https://db-ip.com), CC BY 4.0 (https://creativecommons.org/licenses/by/4.0/)"
)

// Attribution is the text that the licence of a database asks to be shown, ""
// where none is known.
func Attribution(kind string) string {
	if strings.HasPrefix(strings.ToLower(kind), "dbip") {
		return FreeAttribution
	}
	return ""
}

const (
	monthMark    = "{month}"
	maxDownload  = 1 << 30 // bytes, unpacked
	maxRedirects = 5
	maxHeaders   = 64 << 10 // bytes of an answer's header
)

// How long a download may take: until an answer begins, and in all.
const (
	answerTime   = 30 * time.Second
	downloadTime = 15 * time.Minute
)

// Download replaces an mmdb file by one from a URL, plain or gzip, and returns
// what it is. {month} in the URL stands for the month of now, or the one before
// where that is not there yet. The file that was there stays until the new one
// is checked and durable. The URL must be one of https, or of this machine, and
// so must those that it redirects to; from https none leads to http. Each request
// ends after 15 minutes, or with ctx.
func Download(ctx context.Context, from, path string, now time.Time) (GeoInfo, error) {
	g := newGetter(answerTime, downloadTime)
	defer g.CloseIdleConnections()
	return g.latest(ctx, from, path, now)
}

// latest downloads the file of the month of now, or of the one before.
func (g getter) latest(ctx context.Context, from, path string, now time.Time) (GeoInfo, error) {
	first := now.UTC().AddDate(0, 0, 1-now.UTC().Day())
	var status *statusError
	info, err := g.download(ctx, strings.ReplaceAll(from, monthMark, first.Format("2006-01")), path)
	if errors.As(err, &status) && status.code == http.StatusNotFound && strings.Contains(from, monthMark) {
		return g.download(ctx, strings.ReplaceAll(from, monthMark, first.AddDate(0, -1, 0).Format("2006-01")), path)
	}
	return info, err
}

// statusError is an answer that is no file.
type statusError struct {
	code int
	text string
}

func (e *statusError) Error() string { return "the answer is " + e.text }

func (g getter) download(ctx context.Context, from, path string) (GeoInfo, error) {
	body, err := g.get(ctx, from)
	if err != nil {
		return GeoInfo{}, fmt.Errorf("get %s: %w", from, err)
	}
	defer body.Close()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return GeoInfo{}, fmt.Errorf("make folder: %w", err)
	}
	var info GeoInfo
	err = durable.Write(path, 0o600, func(w *os.File) error {
		text, err := unpacked(body)
		if err != nil {
			return err
		}
		n, err := io.Copy(w, io.LimitReader(text, maxDownload+1))
		if err != nil {
			return fmt.Errorf("get %s: %w", from, err)
		}
		if n > maxDownload {
			return fmt.Errorf("get %s: it has more than %d MiB", from, maxDownload>>20)
		}
		info, err = CheckGeoIP(w.Name())
		return err
	})
	info.Path = path
	return info, err
}

// getter gets files within bounds.
type getter struct{ *http.Client }

// newGetter makes a getter that waits so long for an answer to begin, and for a
// download to end, that of its body included.
func newGetter(answer, all time.Duration) getter {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.ResponseHeaderTimeout, t.MaxResponseHeaderBytes = answer, maxHeaders
	return getter{&http.Client{Transport: t, Timeout: all, CheckRedirect: checkRedirect}}
}

func checkRedirect(r *http.Request, via []*http.Request) error {
	if len(via) >= maxRedirects {
		return fmt.Errorf("more than %d redirects", maxRedirects)
	}
	// Where https began, plain http would let others on the way answer, and a
	// foreign server would choose what is asked of this machine.
	if before := via[len(via)-1].URL; before.Scheme == "https" && r.URL.Scheme != "https" {
		return fmt.Errorf("redirect from https to %s is not followed", r.URL.Redacted())
	}
	return checkURL(r.URL)
}

func (g getter) get(ctx context.Context, from string) (io.ReadCloser, error) {
	u, err := url.Parse(from)
	if err == nil {
		err = checkURL(u)
	}
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, from, http.NoBody)
	if err != nil {
		return nil, err
	}
	a, err := g.Do(r)
	if err != nil {
		return nil, err
	}
	if a.StatusCode != http.StatusOK {
		a.Body.Close()
		return nil, &statusError{a.StatusCode, a.Status}
	}
	return a.Body, nil
}

// checkURL refuses what could be changed on its way.
func checkURL(u *url.URL) error {
	ip := net.ParseIP(u.Hostname())
	local := u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
	if u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || !local) {
		return fmt.Errorf("want a URL that begins with https://, have %s", u.Redacted())
	}
	return nil
}

// unpacked reads what is gzip or plain.
func unpacked(r io.Reader) (io.Reader, error) {
	b := bufio.NewReader(r)
	head, err := b.Peek(2)
	if err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	if head[0] != 0x1f || head[1] != 0x8b {
		return b, nil
	}
	z, err := gzip.NewReader(b)
	if err != nil {
		return nil, fmt.Errorf("unpack answer: %w", err)
	}
	return z, nil
}
