package archive

import (
	"errors"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go"

	"github.com/gatewatch/gatewatch/detection/event"
)

// groupReader reads the events of a row group, of which it fills the fields that
// were asked for. It belongs to one goroutine. Bytes that were changed behind the
// back of the manifest give ErrDamaged.
type groupReader struct {
	columns []*columnReader // by column; nil where it is not read
	rows    int64
	rest    restReader
	raw     []byte // of the event at hand
	object  []byte // its other fields
	kinds   []string
}

// openGroup opens a row group of a file. keys are the fields to fill, nil for
// all; the time always is.
func openGroup(f *parquet.File, number int, keys []event.Key) (r *groupReader, err error) {
	defer catch(&err)
	g, stored := f.RowGroups()[number], f.Metadata().RowGroups[number].Columns
	r = &groupReader{columns: make([]*columnReader, len(columns)), rows: g.NumRows()}
	chunks := map[string]parquet.ColumnChunk{}
	for i, path := range g.Schema().Columns() {
		if m := &stored[i].MetaData; m.Statistics.NullCount == m.NumValues {
			continue // it has no value
		}
		chunks[path[0]] = g.ColumnChunks()[i]
	}
	for c := range columns {
		chunk := chunks[columns[c].name]
		if chunk == nil || !wanted(c, keys) {
			continue
		}
		if chunk.Type().Kind() != columns[c].physical() {
			return nil, fmt.Errorf("%w: column %s has another type", ErrDamaged, columns[c].name)
		}
		r.columns[c] = &columnReader{pages: chunk.Pages()}
	}
	return r, nil
}

func (c *column) physical() parquet.Kind {
	switch c.kind {
	case columnInt, columnTime:
		return parquet.Int64
	case columnFloat:
		return parquet.Double
	case columnBool:
		return parquet.Boolean
	case columnNanos:
		return parquet.Int32
	}
	return parquet.ByteArray
}

// wanted tells whether a column is needed for fields.
func wanted(c int, keys []event.Key) bool {
	if keys == nil || c == atTime || c == atNanos {
		return true
	}
	for _, k := range keys {
		at := fieldColumn(k)
		switch {
		case c == at, c == atFields, c == atKinds: // a value that does not fit its column is in the rest
			return true
		case at == atIngested && c == atInNanos, at == atOriginal && c == atBytes:
			return true
		}
	}
	return false
}

// next reads the next event, io.EOF after the last. Texts are good until the next
// call.
func (r *groupReader) next(e *event.Event) (err error) {
	defer catch(&err)
	e.Reset()
	if r.rows == 0 {
		return io.EOF
	}
	r.rows--
	r.object, r.kinds = r.object[:0], r.kinds[:0]
	for c, in := range r.columns {
		if in == nil {
			continue
		}
		for first := true; first || columns[c].list; first = false {
			v, ok, err := in.next(first)
			if err != nil {
				return err
			}
			if !ok {
				break
			}
			if !v.IsNull() {
				r.take(e, c, v)
			}
		}
	}
	return r.rest.read(e, r.object, r.kinds)
}

// take sets what a value of a column says.
func (r *groupReader) take(e *event.Event, c int, v parquet.Value) {
	switch c {
	case atFields:
		r.object = append(r.object, v.ByteArray()...)
	case atKinds:
		r.kinds = append(r.kinds, string(v.ByteArray()))
	case atTime:
		e.Time += v.Int64() * 1000
	case atNanos:
		e.Time += int64(v.Int32())
	case atIngested:
		e.Received += v.Int64() * 1000
	case atInNanos:
		e.Received += int64(v.Int32())
	case atOriginal, atBytes:
		r.raw = append(r.raw[:0], v.ByteArray()...)
		e.Raw = r.raw
	case atID:
		e.ID = e.Copy(v.ByteArray())
	case atDataset:
		e.Dataset = e.Copy(v.ByteArray())
	case atFrom:
		e.Source = e.Copy(v.ByteArray())
	case atStream:
	default:
		columns[c].add(e, v)
	}
}

func (c *column) add(e *event.Event, v parquet.Value) {
	switch c.kind {
	case columnText:
		e.Add(c.key, event.String(e.Copy(v.ByteArray())))
	case columnIP:
		e.AddIP(c.key, e.Copy(v.ByteArray())) // what is no address stays a text
	case columnInt:
		e.AddInt(c.key, v.Int64())
	case columnFloat:
		e.Add(c.key, event.Float(v.Double()))
	case columnBool:
		e.Add(c.key, event.Bool(v.Boolean()))
	case columnTime:
		e.Add(c.key, event.Time(v.Int64()*1000))
	}
}

func (r *groupReader) close() {
	for _, c := range r.columns {
		if c != nil {
			c.close()
		}
	}
}

// columnReader reads the values of a column row by row.
type columnReader struct {
	pages  parquet.Pages
	page   parquet.Page
	values parquet.ValueReader
	buf    [256]parquet.Value
	at, n  int
}

// next returns the next value of the row at hand; first begins the next row. It
// returns false after the last one.
func (c *columnReader) next(first bool) (parquet.Value, bool, error) {
	if c.at == c.n {
		if err := c.fill(); err != nil {
			if !first && errors.Is(err, io.EOF) {
				return parquet.Value{}, false, nil
			}
			if errors.Is(err, io.EOF) {
				err = errors.New("a column ends early")
			}
			return parquet.Value{}, false, fmt.Errorf("%w: %w", ErrDamaged, err)
		}
	}
	v := c.buf[c.at]
	if again := v.RepetitionLevel() > 0; again == first {
		if again {
			return v, false, fmt.Errorf("%w: a row begins in the middle", ErrDamaged)
		}
		return v, false, nil
	}
	c.at++
	return v, true, nil
}

// fill reads values until there is one.
func (c *columnReader) fill() error {
	c.at, c.n = 0, 0
	for c.n == 0 {
		if c.values == nil {
			page, err := c.pages.ReadPage()
			if err != nil {
				return err
			}
			c.page, c.values = page, page.Values()
		}
		n, err := c.values.ReadValues(c.buf[:])
		c.n = n
		if errors.Is(err, io.EOF) {
			if n > 0 { // the page is let go with the next call: the values point into it
				return nil
			}
			c.release()
			err = nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *columnReader) release() {
	parquet.Release(c.page)
	c.page, c.values = nil, nil
}

func (c *columnReader) close() {
	if c.page != nil {
		c.release()
	}
	_ = c.pages.Close() // only read
}

// catch turns a panic of the Parquet reader over damaged bytes into an error.
func catch(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("%w: %v", ErrDamaged, r)
	}
}
