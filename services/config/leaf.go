package config

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
)

var (
	durationType = reflect.TypeFor[time.Duration]()
	stringsType  = reflect.TypeFor[[]string]()
)

func isLeaf(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.String, reflect.Bool, reflect.Int, reflect.Int64, reflect.Uint64, reflect.Uint32, reflect.Float64:
		return true
	}
	return t == stringsType
}

// setLeaf sets a leaf from text; bytes says that it is a size.
func setLeaf(v reflect.Value, text string, bytes bool) error {
	switch {
	case v.Type() == durationType:
		d, err := ParseDuration(text)
		if err != nil {
			return err
		}
		v.SetInt(int64(d))
		return nil
	case bytes:
		n, err := ParseBytes(text)
		if err != nil {
			return err
		}
		if v.CanUint() {
			if n < 0 {
				return fmt.Errorf("want a size that is not negative, have %q", text)
			}
			v.SetUint(uint64(n))
		} else {
			v.SetInt(n)
		}
		return nil
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return fmt.Errorf("want true or false, have %q", text)
		}
		v.SetBool(b)
	case reflect.Float64:
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			return fmt.Errorf("want a number, have %q", text)
		}
		v.SetFloat(f)
	case reflect.Slice:
		var list []string
		for s := range strings.SplitSeq(text, ",") {
			if s = strings.TrimSpace(s); s != "" {
				list = append(list, s)
			}
		}
		v.Set(reflect.ValueOf(list))
	case reflect.Uint64, reflect.Uint32:
		n, err := strconv.ParseUint(text, 10, v.Type().Bits())
		if err != nil {
			return fmt.Errorf("want a whole number, have %q", text)
		}
		v.SetUint(n)
	default:
		n, err := strconv.ParseInt(text, 10, v.Type().Bits())
		if err != nil {
			return fmt.Errorf("want a whole number, have %q", text)
		}
		v.SetInt(n)
	}
	return nil
}

func leafText(v reflect.Value, bytes bool) string {
	if d, ok := v.Interface().(time.Duration); ok {
		return formatDuration(d)
	}
	if bytes && v.CanInt() {
		return formatBytes(v.Int())
	}
	if list, ok := v.Interface().([]string); ok {
		return strings.Join(list, ",")
	}
	return fmt.Sprint(v.Interface())
}

// ParseDuration reads a duration in the form of [time.ParseDuration], or whole
// days such as 90d, or -1 for whatever is negative.
func ParseDuration(text string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.ParseInt(days, 10, 32); err == nil && n <= 36500 && n >= -36500 {
			return time.Duration(n) * 24 * time.Hour, nil
		}
	}
	if text == "-1" { // whatever is negative turns off what it is of
		return -1, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("want a duration such as 30s, 12h or 90d, have %q", text)
	}
	return d, nil
}

// formatDuration writes a duration in the form that [ParseDuration] reads,
// without units that are 0: 7d, 90s as 1m30s, 24h as 1d.
func formatDuration(d time.Duration) string {
	const day = 24 * time.Hour
	if d >= day && d%day == 0 {
		return fmt.Sprintf("%dd", d/day)
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// ParseBytes reads a size: a whole number with an optional unit of B, KB, MB,
// GB, TB (powers of 1000) or KiB, MiB, GiB, TiB (powers of 1024). It may be
// negative, which some keys give a meaning.
func ParseBytes(text string) (int64, error) {
	number := strings.TrimRight(text, "KMGTiB ")
	unit := strings.TrimSpace(text[len(number):])
	factor, ok := map[string]int64{
		"": 1, "B": 1, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12,
		"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40,
	}[unit]
	n, err := strconv.ParseInt(number, 10, 64)
	if !ok || err != nil || n < -math.MaxInt64/factor || n > math.MaxInt64/factor {
		return 0, fmt.Errorf("want a size such as 64MiB or 2GB, have %q", text)
	}
	return n * factor, nil
}
