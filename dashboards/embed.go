// Package dashboards holds what the console shows: the bundle that make web builds
// of web/, and the charts.
package dashboards

import (
	"embed"
	"io/fs"
)

//go:embed all:web/dist
var dist embed.FS

// Web is the bundle: manifest.json and the files that it names, each also with .br
// and .gz appended. Without make web it is empty.
func Web() fs.FS {
	sub, err := fs.Sub(dist, "web/dist")
	if err != nil {
		panic(err) // the name is a constant
	}
	return sub
}
