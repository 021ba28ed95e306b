package vault

import (
	"bytes"
	"fmt"
	"io"
)

// RingIDs returns the ids of the data keys in the file of a ring, oldest first,
// for which it needs no master key: so it cannot tell who wrote them. The copy of
// the file is not looked at. It returns ErrDamaged unless the file is whole.
func RingIDs(path string) ([]ID, error) {
	b, err := readBounded(path)
	if err != nil {
		return nil, fmt.Errorf("read key ring: %w", err)
	}
	body, _, err := ringBody(b)
	var f ringFile
	if err == nil {
		f, err = parseRing(body)
	}
	if err != nil {
		return nil, fmt.Errorf("read key ring %s: %w", path, err)
	}
	ids := make([]ID, 0, len(f.Keys))
	for _, e := range f.Keys {
		ids = append(ids, e.ID)
	}
	return ids, nil
}

// FileKey returns the id of the data key of a sealed file, from its head alone;
// sealed is false of a file that is not sealed. It returns ErrDamaged if neither
// copy of the head is whole.
func FileKey(src io.ReaderAt) (id ID, sealed bool, err error) {
	if sealed, err = Sealed(src); err != nil || !sealed {
		return ID{}, sealed, err
	}
	h, err := readHead(src)
	if err != nil {
		return ID{}, true, err
	}
	return ID(h[12:20]), true, nil
}

// VerifyHead checks both copies of the head of a sealed file. It returns
// ErrDamaged if one is not whole, or not as the other: the file can be read as
// long as one is.
func VerifyHead(src io.ReaderAt) error {
	var heads [2][]byte
	for i := range heads {
		at := int64(i * fileHead)
		h, err := readHeadAt(src, at)
		if err != nil {
			return fmt.Errorf("read copy %d of the head of sealed file: %w", i+1, err)
		}
		heads[i] = h
	}
	if !bytes.Equal(heads[0], heads[1]) {
		return fmt.Errorf("the copies of the head of sealed file differ: %w", ErrDamaged)
	}
	return nil
}
