package console

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
)

// assets are the files that pages load, all in memory. Their names change with
// their content.
type assets struct {
	manifest map[string]string // name in the sources → name of the file
	files    map[string]*asset
}

type asset struct {
	kind  string
	etag  string
	plain []byte
	coded map[string][]byte // by content coding
}

// The files that may be served, by their ending.
var kinds = map[string]string{
	".js":    "text/javascript; charset=utf-8",
	".css":   "text/css; charset=utf-8",
	".svg":   "image/svg+xml",
	".json":  "application/json",
	".png":   "image/png",
	".ico":   "image/x-icon",
	".woff2": "font/woff2",
}

const (
	manifestFile = "manifest.json"
	maxAssets    = 1000
)

// codings are those of the files beside a file, the best first.
var codings = []struct{ name, ending string }{{"br", ".br"}, {"gzip", ".gz"}}

// loadAssets reads a bundle. One without a manifest has no files.
func loadAssets(bundle fs.FS) (*assets, error) {
	a := &assets{manifest: map[string]string{}, files: map[string]*asset{}}
	text, err := fs.ReadFile(bundle, manifestFile)
	if errors.Is(err, fs.ErrNotExist) {
		return a, nil
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, &a.manifest); err != nil {
		return nil, fmt.Errorf("%s: %w", manifestFile, err)
	}
	if len(a.manifest) > maxAssets {
		return nil, fmt.Errorf("%s: more than %d files", manifestFile, maxAssets)
	}
	for name, file := range a.manifest {
		if err := a.load(bundle, file); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", manifestFile, name, err)
		}
	}
	return a, nil
}

func (a *assets) load(bundle fs.FS, file string) error {
	kind := kinds[path.Ext(file)]
	if kind == "" || !fs.ValidPath(file) {
		return fmt.Errorf("%q is not a file that may be served", file)
	}
	plain, err := fs.ReadFile(bundle, file)
	if err != nil {
		return err
	}
	f := a.add(file, kind, plain)
	for _, c := range codings {
		data, err := fs.ReadFile(bundle, file+c.ending)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if len(data) < len(plain) {
			f.coded[c.name] = data
		}
	}
	return nil
}

func (a *assets) add(file, kind string, plain []byte) *asset {
	sum := sha256.Sum256(plain)
	f := &asset{kind: kind, etag: hex.EncodeToString(sum[:16]), plain: plain, coded: map[string][]byte{}}
	a.files[file] = f
	return f
}

// addHashed adds a file under a name that its content changes, and returns its
// path on the server.
func (a *assets) addHashed(name, ending, kind string, plain []byte) string {
	sum := sha256.Sum256(plain)
	file := name + "-" + hex.EncodeToString(sum[:6]) + ending
	a.add(file, kind, plain)
	return assetsPath + file
}

const assetsPath = "/assets/"

// path returns the path on the server of a file of the sources, "" if the bundle
// has none of that name.
func (a *assets) path(name string) string {
	if file := a.manifest[name]; file != "" {
		return assetsPath + file
	}
	return ""
}

// serve is GET /assets/NAME.
func (a *assets) serve(w http.ResponseWriter, r *http.Request) {
	f := a.files[strings.TrimPrefix(r.URL.Path, assetsPath)]
	if f == nil {
		http.Error(w, "there is no such file; reload the page", http.StatusNotFound)
		return
	}
	h := w.Header()
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Vary", "Accept-Encoding")
	h.Set("Content-Type", f.kind)
	data, coding := f.pick(r.Header.Get("Accept-Encoding"))
	etag := `"` + f.etag + `"`
	if coding != "" {
		etag = `"` + f.etag + "-" + coding + `"`
		h.Set("Content-Encoding", coding)
	}
	h.Set("ETag", etag)
	if strings.Contains(r.Header.Get("If-None-Match"), `"`+f.etag) {
		h.Del("Content-Encoding")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Length", strconv.Itoa(len(data)))
	if r.Method != http.MethodHead {
		w.Write(data)
	}
}

// pick returns the form of a file that a browser takes and that is the smallest
// by the order of codings.
func (f *asset) pick(accept string) (data []byte, coding string) {
	for _, c := range codings {
		if data := f.coded[c.name]; data != nil && accepts(accept, c.name) {
			return data, c.name
		}
	}
	return f.plain, ""
}

// accepts tells whether an Accept-Encoding header takes a coding (RFC 9110,
// section 12.5.3).
func accepts(header, coding string) bool {
	for part := range strings.SplitSeq(header, ",") {
		name, params, _ := strings.Cut(part, ";")
		if !strings.EqualFold(strings.TrimSpace(name), coding) {
			continue
		}
		q := strings.TrimSpace(params)
		return !strings.HasPrefix(q, "q=0") || strings.Trim(q[3:], ".0") != ""
	}
	return false
}
