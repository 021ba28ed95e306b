package event

import "unsafe"

// Place returns where in the raw bytes of its event a value was read: at Raw[at:]
// its text begins. It is a hint: the parser may not have told, and the raw bytes
// may have been replaced since. Whoever relies on it compares the text.
func (v Value) Place() (at int, ok bool) {
	at = int(v.more&^listBit) - 1
	return at, at >= 0
}

// MemberPlaces calls f with the members whose place in Raw is known, see
// [Value.Place].
func (e *Event) MemberPlaces(f func(k Key, v Value)) {
	for i, at := range e.places {
		if at == 0 {
			continue
		}
		k := memberKeys[i]
		if v, _ := e.member(k); v.kind != KindNone {
			v.more |= at
			f(k, v)
		}
	}
}

// placedMembers is how many of the members, in the order of memberKeys, have a
// place: all but the raw bytes.
const placedMembers = 5

// placeIn returns where in raw a part of it begins, as Value.more keeps it; 0 where
// raw is not what the parts of the event are cut from.
func placeIn(raw, part []byte) uint32 {
	at := uintptr(unsafe.Pointer(unsafe.SliceData(part))) - uintptr(unsafe.Pointer(unsafe.SliceData(raw)))
	if at > uintptr(len(raw)) || at > maxPlace {
		return 0
	}
	return uint32(at) + 1
}

// placeMember remembers where in Raw a member was read.
func (e *Event) placeMember(k Key, at uint32) {
	for i := range e.places {
		if memberKeys[i] == k {
			e.places[i] = at
			return
		}
	}
}
