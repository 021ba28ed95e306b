package sigma

import "unsafe"

// bytesView returns bytes as a string that is valid until they change.
func bytesView(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// stringBytes returns the bytes of a string, which must not be changed.
func stringBytes(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }
