package config

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
)

// LoadEnv sets the keys of *dst whose variable is set. getenv is [os.LookupEnv]
// or one like it. A variable NAME_FILE names a file that holds the value. The
// error joins all mistakes.
func LoadEnv(dst any, prefix string, getenv func(string) (string, bool)) error {
	var all []error
	for _, k := range Keys(dst) {
		name := k.EnvName(prefix)
		if file, ok := getenv(name + fileSuffix); ok {
			b, err := os.ReadFile(file)
			if err == nil {
				err = k.Set(strings.TrimRight(string(b), "\r\n"))
			}
			if err != nil {
				all = append(all, fmt.Errorf("read %s%s: %w", name, fileSuffix, err))
			}
		}
		if text, ok := getenv(name); ok {
			if err := k.Set(text); err != nil {
				all = append(all, fmt.Errorf("read %s: %w", name, err))
			}
		}
	}
	return errors.Join(all...)
}

const fileSuffix = "_FILE"

// UnknownEnv says of each variable of an environment ([os.Environ]) that has the
// prefix and is neither a key of dst nor among others which one may be meant.
func UnknownEnv(dst any, prefix string, environ, others []string) []string {
	known := slices.Clone(others)
	for _, k := range Keys(dst) {
		known = append(known, k.EnvName(prefix), k.EnvName(prefix)+fileSuffix)
	}
	var notes []string
	for _, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, prefix) || slices.Contains(known, name) {
			continue
		}
		note := fmt.Sprintf("the environment variable %s is not known", name)
		if near := Nearest(name[len(prefix):], withoutPrefix(known, prefix)); near != "" {
			note += "; did you mean " + prefix + near + "?"
		}
		notes = append(notes, note)
	}
	slices.Sort(notes)
	return notes
}

func withoutPrefix(names []string, prefix string) []string {
	all := make([]string, len(names))
	for i, name := range names {
		all[i] = strings.TrimPrefix(name, prefix)
	}
	return all
}
