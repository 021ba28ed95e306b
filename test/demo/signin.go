package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
)

// signInLink returns a link with which somebody signs in at the console once, and
// chooses a password: as the first administrator, in a later run as the one there is.
func (s *server) signInLink(ctx context.Context, bin string) (string, error) {
	out, err := s.user(ctx, bin, "list", "-o", "json")
	if err != nil {
		return "", err
	}
	var accounts []struct{ Name, Role string }
	if err := json.Unmarshal(out, &accounts); err != nil {
		return "", err
	}
	who := "--first"
	for _, a := range accounts {
		if a.Role == "administrator" {
			who = a.Name
			break
		}
	}
	out, err = s.user(ctx, bin, "link", who)
	return strings.TrimSpace(string(out)), err
}

// user runs gatewatch user on the data folder of the server.
func (s *server) user(ctx context.Context, bin string, args ...string) ([]byte, error) {
	var errs bytes.Buffer
	cmd := exec.CommandContext(ctx, filepath.Join(bin, "gatewatch"), append(append([]string{"user"}, args...), "--data", s.data)...)
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, strings.TrimSpace(errs.String()))
	}
	return out, nil
}
