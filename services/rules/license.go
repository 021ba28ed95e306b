package rules

import (
	"io"
	"io/fs"
	"path"
	"regexp"
	"strings"
	"unicode"
)

const (
	maxLicense     = 8 << 10 // bytes of a licence that are looked at
	maxLicenseName = 100     // bytes of the name of one that is unknown
)

var detectionRuleLicense = regexp.MustCompile(`(?i)detection rule license(?:[^\n]{0,20}?(\d\.\d))?`)

// licenseIn returns the name of the licence whose file is in a folder, else in the
// nearest one above it up to the root; empty if there is none.
func licenseIn(fsys fs.FS, dir string) string {
	for {
		if name := licenseFile(fsys, dir); name != "" {
			return name
		}
		if dir == "." {
			return ""
		}
		dir = path.Dir(dir)
	}
}

// licenseFile returns the name of the licence in a folder; one that is for rules by
// its file's name goes before others.
func licenseFile(fsys fs.FS, dir string) (name string) {
	entries, err := fs.ReadDir(fsys, dir)
	if err != nil {
		return "" // who reads the rules says so
	}
	for _, d := range entries {
		upper := strings.ToUpper(d.Name())
		if !strings.HasPrefix(upper, "LICENSE") && !strings.HasPrefix(upper, "LICENCE") {
			continue
		}
		if name == "" || strings.Contains(upper, "RULE") {
			if found := readLicense(fsys, path.Join(dir, d.Name())); found != "" {
				name = found
			}
		}
	}
	return name
}

func readLicense(fsys fs.FS, name string) string {
	if info, err := fs.Stat(fsys, name); err != nil || !info.Mode().IsRegular() {
		return ""
	}
	f, err := fsys.Open(name)
	if err != nil {
		return ""
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxLicense))
	if err != nil {
		return ""
	}
	return licenseName(string(text))
}

// licenseName tells a licence by its heading; of one that is unknown it is the
// first line.
func licenseName(text string) string {
	if m := detectionRuleLicense.FindStringSubmatch(text); m != nil {
		return strings.TrimSpace("DRL " + m[1])
	}
	var lines []string
	for line := range strings.Lines(strings.ToValidUTF8(text, "")) {
		if line = strings.TrimSpace(strings.Trim(strings.TrimSpace(line), "#=-*")); line != "" {
			lines = append(lines, strings.Map(printing, line))
		}
	}
	if len(lines) == 0 {
		return ""
	}
	head := strings.ToLower(strings.Join(lines[:min(2, len(lines))], " "))
	switch {
	case strings.HasPrefix(head, "apache license") && strings.Contains(head, "version 2.0"):
		return "Apache-2.0"
	case strings.Contains(strings.ToLower(lines[0]), "mit license"):
		return "MIT"
	}
	return strings.ToValidUTF8(lines[0][:min(maxLicenseName, len(lines[0]))], "")
}

func printing(r rune) rune {
	if unicode.IsPrint(r) {
		return r
	}
	return -1
}
