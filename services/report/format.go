package report

import (
	"fmt"
	"io"
	"maps"
	"slices"
)

// Format is a form of a report.
type Format struct {
	Name  string // what it is asked for by, and the end of names of files
	Type  string // of its content
	write func(io.Writer, *WAF) error
}

// formats are the forms, by name.
var formats = map[string]Format{}

func register(f Format) {
	if _, taken := formats[f.Name]; taken {
		panic("report: two formats are named " + f.Name)
	}
	formats[f.Name] = f
}

// ParseFormat returns a format; "" is HTML.
func ParseFormat(name string) (Format, error) {
	if name == "" {
		name = "html"
	}
	f, ok := formats[name]
	if !ok {
		return f, fmt.Errorf("format %.20q is not known: want one of %v", name, slices.Sorted(maps.Keys(formats)))
	}
	return f, nil
}

// Write writes a report.
func (f Format) Write(out io.Writer, w *WAF) error {
	if err := f.write(out, w); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// FileName is a name for the file.
func (f Format) FileName(w *WAF) string {
	return "waf-" + w.From.Format("20060102") + "-" + w.To.Format("20060102") + "." + f.Name
}
