package verdict

import "bytes"

// encoding notes how a value was wrapped.
func (f *finder) encoding() {
	d := f.leaf.decoded
	p := f.leaf.place
	layers := 0
	if d&decodedURL != 0 && (p == inQuery || p == inForm) { // the first layer was taken off before
		layers++
	}
	if d&decodedTwice != 0 {
		layers++
	}
	for _, one := range []decoding{decodedEntity, decodedEscape, decodedBase64} {
		if d&one != 0 {
			layers++
		}
	}
	for range layers {
		f.found.add(decodeLayers)
	}
	if d&decodedOverlong != 0 {
		f.found.add(decodeOdd)
	}
	if d&decodedBase64 != 0 {
		f.found.add(encodedText)
	}
}

// content notes what a value is besides: sentences, lines of code, opaque data.
func (f *finder) content() {
	if len(f.s) < 16 {
		return
	}
	letters, spaces := 0, f.counts[' ']
	for c := 'a'; c <= 'z'; c++ {
		letters += int(f.counts[c] + f.counts[c-32])
	}
	for c := 0x80; c < 256; c++ {
		letters += int(f.counts[c])
	}
	n := len(f.s)
	words := 0
	for i := range f.t {
		if f.t[i].kind == kWord && f.t[i].vocab&noise != 0 || f.t[i].kind == kText {
			words++
		}
	}
	if letters*10 >= n*7 && spaces >= 3 && words >= 2 {
		f.found.add(proseText)
		if words >= 8 {
			f.found.add(proseText)
		}
		if words >= 24 {
			f.found.add(proseText)
		}
	}
	if f.counts['\n'] >= 3 && f.leaf.place != inPath {
		f.found.add(codeText)
		if f.counts['\n'] >= 10 {
			f.found.add(codeText)
		}
	}
	if spaces == 0 && !f.has("'\"<>(){}|`$;\\") && bytes.IndexByte(f.s, '\n') < 0 && len(f.t) < 12 {
		f.found.add(opaqueText)
	}
	for size := 256; size <= 4096 && n > size; size *= 4 {
		f.found.add(longText)
	}
}
