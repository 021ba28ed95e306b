package segment

import "github.com/gatewatch/gatewatch/detection/event"

// ColumnInfo says what one column of a block takes.
type ColumnInfo struct {
	Name        string // of the field or member; "" for the flattened fields
	Encoding    string // as FORMAT.md names it
	Entries     int
	Bytes       int // of the chunk
	FilterBytes int
}

var encodingNames = map[byte]string{
	encConst: "const", encDict: "dictionary", encInts: "integers", encFloats: "floats", encIP4: "ipv4", encIP6: "ipv6",
	encHex: "hexadecimal", encUUID: "uuid", encIDs: "ids", encText: "text", encMixed: "mixed", encIPs: "addresses", encTemplate: "template", encTwin: "twin", encCommon: "common value", encPacked: "packed dictionary", encDecimals: "decimals",
}

// Columns describes the columns of a block, none for a view.
func (b *Block) Columns() ([]ColumnInfo, error) {
	if b.view != nil {
		return nil, nil
	}
	d, err := b.directory()
	if err != nil {
		return nil, err
	}
	all := make([]ColumnInfo, len(d.cols))
	for i := range d.cols {
		c := &d.cols[i]
		all[i] = ColumnInfo{c.name, encodingNames[c.enc], c.n, c.len, c.bloomLen}
	}
	return all, nil
}

// KindOf returns the kind of an entry.
func (c *Column) KindOf(i int) event.Kind { return event.Kind(c.tagOf(i) & tagKind) }
