package main

import (
	"cmp"
	"os"
	"strings"

	"github.com/spf13/cobra"
)

// Languages that evidence and reports speak.
const (
	langEn = "en"
	langZh = "zh-CN"
)

func addLang(cmd *cobra.Command, lang *string, what string) {
	cmd.Flags().StringVar(lang, "lang", "", "language of "+what+": en or zh-CN (default: that of LC_ALL, LC_MESSAGES or LANG)")
}

// languageOf resolves the flag. The environment may ask for a language that there
// is not: then it is English.
func languageOf(flag string) (string, error) {
	name := cmp.Or(flag, os.Getenv("LC_ALL"), os.Getenv("LC_MESSAGES"), os.Getenv("LANG"))
	switch tag := strings.ToLower(strings.ReplaceAll(name, "_", "-")); {
	case tag == "zh", strings.HasPrefix(tag, "zh-"):
		return langZh, nil
	case flag == "", tag == langEn, strings.HasPrefix(tag, "en-"):
		return langEn, nil
	}
	return "", usagef("--lang: no texts in %q; known are %s, %s", flag, langEn, langZh)
}
