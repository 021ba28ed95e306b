package main

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gatewatch/gatewatch/services/config"
)

// TestEveryKeyIsExplained wants a text of every key, those of sources too, and
// none that contradicts the default which is printed beside it.
func TestEveryKeyIsExplained(t *testing.T) {
	s := defaultSettings()
	n := 0
	for _, k := range config.Keys(&s) {
		n++
		if k.Usage == "" {
			t.Errorf("%s has no text", k.Name)
		}
		if v := k.String(); strings.Contains(k.Usage, " if 0") && v != "0" || v == "0s" {
			t.Errorf("%s: default %q, %s", k.Name, v, k.Usage)
		}
	}
	if n < 40 {
		t.Errorf("only %d keys", n)
	}
	var visit func(path string, typ reflect.Type)
	visit = func(path string, typ reflect.Type) {
		for i := range typ.NumField() {
			f := typ.Field(i)
			if !f.IsExported() || f.Tag.Get("yaml") == "-" {
				continue
			}
			switch f.Type.Kind() {
			case reflect.Struct:
				visit(path+"."+f.Name, f.Type)
				continue
			case reflect.Interface, reflect.Func, reflect.Pointer:
				continue // no key
			case reflect.Map:
				visit(path+"."+f.Name, f.Type.Elem())
			}
			if f.Tag.Get("help") == "" {
				t.Errorf("%s.%s has no text", path, f.Name)
			}
		}
	}
	visit("settings", reflect.TypeFor[settings]())
}

// TestDefaultsAreInEffect holds what is printed against what the parts use.
func TestDefaultsAreInEffect(t *testing.T) {
	s := defaultSettings()
	if s.Queue.RetainAge != 7*24*time.Hour || s.Store.RetainAge != 90*24*time.Hour || s.Queue.RetainBytes != 2<<30 {
		t.Errorf("retention %v, %v, %d", s.Queue.RetainAge, s.Store.RetainAge, s.Queue.RetainBytes)
	}
	if again := s.withDefaults(); !reflect.DeepEqual(again, s) {
		t.Error("defaults of the defaults differ")
	}
}
