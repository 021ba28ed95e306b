package archive

import (
	"fmt"
	"io"
	"math"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go"

	"github.com/gatewatch/gatewatch/detection/event"
)

// Bounds of files. Memory is that of a row group, compressed, and of a batch.
const (
	batchRows = 1024
	groupRows = 1 << 16
	groupSize = 64 << 20 // bytes of values, before compression
	maxDict   = 1 << 20  // bytes of different values beyond which a column has no dictionary
)

// fileWriter writes events as a Parquet file. It belongs to one goroutine.
type fileWriter struct {
	out     *parquet.GenericWriter[any]
	columns []*parquet.ColumnWriter
	stream  []byte
	groups  []Group
	group   Group
	size    int64 // of the values of the group
	most    int64 // rows of a group

	batch  [][]parquet.Value // by column
	filled []int             // rows of the batch that a column has values of
	nulls  []parquet.Value   // of each column
	rows   int               // of the batch
	arena  []byte            // texts of the batch
	state  []columnState     // of the row at hand
	rest   rest
	others []event.Value
	sum    sum
}

// columnState is what the row at hand has for a column.
type columnState struct {
	values int
	list   bool // one of them is an element of a list
	misfit bool // one of them cannot be in the column
	done   int  // that were written
}

func newFileWriter(w io.Writer, stream string, groupRows int64) *fileWriter {
	f := &fileWriter{
		out: parquet.NewGenericWriter[any](w, schema, parquet.CreatedBy("gatewatch", "archive", fmt.Sprint(SchemaVersion)),
			parquet.DictionaryMaxBytes(maxDict), parquet.PageBufferSize(128<<10), parquet.DataPageStatistics(true)),
		batch: make([][]parquet.Value, len(columns)), filled: make([]int, len(columns)),
		state: make([]columnState, len(columns)), stream: []byte(stream), most: groupRows,
	}
	for c := range columns {
		f.nulls = append(f.nulls, parquet.NullValue().Level(0, 0, c))
	}
	f.out.SetKeyValueMetadata("gatewatch.schema", fmt.Sprint(SchemaVersion))
	f.columns = f.out.ColumnWriters()
	return f
}

// Numbers of the columns that are filled from members.
var (
	atTime, atNanos         = namedColumn(event.Timestamp.String()), namedColumn(nanosColumn)
	atIngested, atInNanos   = namedColumn(event.EventIngested.String()), namedColumn(ingestedNanosColumn)
	atOriginal, atBytes     = namedColumn(event.EventOriginal.String()), namedColumn(originalBytesColumn)
	atStream                = namedColumn(streamColumn)
	atFields, atKinds       = namedColumn(fieldsColumn), namedColumn(kindsColumn)
	atID, atDataset, atFrom = namedColumn(event.EventID.String()), namedColumn(event.EventDataset.String()), namedColumn(event.GatewatchSource.String())
)

// add writes an event. It copies what it keeps.
func (f *fileWriter) add(e *event.Event) error {
	f.sum.add(e)
	clear(f.state)
	f.rest.reset()
	f.members(e)
	f.count(e)
	fields := e.Fields()
	for i := range fields {
		f.field(e, i)
	}
	if text := f.rest.text(); text != nil {
		f.put(atFields, f.text(text))
		for _, k := range f.rest.kinds {
			f.put(atKinds, f.text([]byte(k)))
		}
	}
	if f.group.Rows == 0 {
		f.group.First, f.group.Last = math.MaxInt64, math.MinInt64
	}
	f.group.First, f.group.Last = min(f.group.First, e.Time), max(f.group.Last, e.Time)
	f.group.Rows++
	if f.rows++; f.rows == batchRows || len(f.arena) > groupSize/8 {
		if err := f.flushBatch(); err != nil {
			return err
		}
	}
	if f.group.Rows == f.most || f.size > groupSize {
		return f.flushGroup()
	}
	return nil
}

// members writes what every event has.
func (f *fileWriter) members(e *event.Event) {
	if e.Time != 0 {
		f.time(atTime, atNanos, e.Time)
	}
	if e.Received != 0 {
		f.time(atIngested, atInNanos, e.Received)
	}
	if len(f.stream) > 0 {
		f.put(atStream, f.text(f.stream))
	}
	if len(e.Raw) > 0 {
		at := atOriginal
		if !utf8.Valid(e.Raw) {
			at = atBytes
		}
		f.put(at, f.text(e.Raw))
	}
	f.member(atID, event.EventID, e.ID)
	f.member(atDataset, event.EventDataset, e.Dataset)
	f.member(atFrom, event.GatewatchSource, e.Source)
}

func (f *fileWriter) member(at int, k event.Key, text string) {
	switch {
	case text == "":
	case utf8.ValidString(text):
		f.put(at, f.string(text))
	default:
		f.others = append(f.others[:0], event.String(text))
		f.rest.add(k.String(), f.others)
	}
}

// time writes microseconds, and the nanoseconds beyond them if there are any.
func (f *fileWriter) time(at, atNanos int, ns int64) {
	micros, nanos := splitTime(ns)
	f.put(at, parquet.Int64Value(micros))
	if nanos != 0 {
		f.put(atNanos, parquet.Int32Value(nanos))
	}
}

func splitTime(ns int64) (micros int64, nanos int32) {
	micros = ns / 1000
	if ns%1000 < 0 {
		micros--
	}
	return micros, int32(ns - micros*1000)
}

// count looks at all values, for field to know which keys go to columns.
func (f *fileWriter) count(e *event.Event) {
	fields := e.Fields()
	for i := range fields {
		v := fields[i].Value
		c := fieldColumn(fields[i].Key)
		if c < 0 || v.Kind() == event.KindNone {
			continue
		}
		s := &f.state[c]
		s.values++
		s.list = s.list || v.IsList()
		s.misfit = s.misfit || !columns[c].fits(v)
	}
}

// inColumn tells whether the values of a key can be told from its column alone,
// also whether a single one is a list.
func (s *columnState) inColumn(c *column) bool {
	switch {
	case s.misfit:
		return false
	case !c.list:
		return s.values == 1 && !s.list
	}
	return c.key.IsList() || s.values > 1 || !s.list
}

// fits tells whether a column can hold a value.
func (c *column) fits(v event.Value) bool {
	switch c.kind {
	case columnText:
		return v.Kind() == event.KindString && utf8.ValidString(v.Text())
	case columnIP:
		return v.Kind() == event.KindIP
	case columnInt:
		return v.Kind() == event.KindInt
	case columnFloat:
		return v.Kind() == event.KindFloat
	case columnBool:
		return v.Kind() == event.KindBool
	case columnTime:
		return v.Kind() == event.KindTime && v.Int()%1000 == 0
	}
	return false
}

// field writes the value of field i to its column, or all values of its key to
// the rest if it is the first of them.
func (f *fileWriter) field(e *event.Event, i int) {
	fields := e.Fields()
	k, v := fields[i].Key, fields[i].Value
	if v.Kind() == event.KindNone {
		return
	}
	if c := fieldColumn(k); c >= 0 && f.state[c].inColumn(&columns[c]) {
		f.put(c, f.value(&columns[c], v))
		return
	}
	for j := range i {
		if fields[j].Key.Is(k) && fields[j].Value.Kind() != event.KindNone {
			return
		}
	}
	f.others = f.others[:0]
	for j := i; j < len(fields); j++ {
		if fields[j].Key.Is(k) && fields[j].Value.Kind() != event.KindNone {
			f.others = append(f.others, fields[j].Value)
		}
	}
	f.rest.add(k.String(), f.others)
}

func (f *fileWriter) value(c *column, v event.Value) parquet.Value {
	switch c.kind {
	case columnInt:
		return parquet.Int64Value(v.Int())
	case columnFloat:
		return parquet.DoubleValue(v.Float())
	case columnBool:
		return parquet.BooleanValue(v.Bool())
	case columnTime:
		return parquet.Int64Value(v.Int() / 1000)
	case columnText:
		return f.string(v.Text())
	}
	f.room(64)
	n := len(f.arena)
	f.arena = v.AppendText(f.arena)
	f.size += int64(len(f.arena) - n)
	return parquet.ByteArrayValue(f.arena[n:len(f.arena):len(f.arena)])
}

// pad fills a column with nulls up to the row at hand.
func (f *fileWriter) pad(c int) {
	for ; f.filled[c] < f.rows; f.filled[c]++ {
		f.batch[c] = append(f.batch[c], f.nulls[c])
	}
}

// put adds a value to a column of the row at hand.
func (f *fileWriter) put(c int, v parquet.Value) {
	again, level := 0, 1
	if f.state[c].done > 0 {
		again = 1
	} else {
		f.pad(c)
		f.filled[c]++
	}
	if columns[c].list {
		level = 2
	}
	f.state[c].done++
	f.size += 8
	f.batch[c] = append(f.batch[c], v.Level(again, level, c))
}

func (f *fileWriter) text(text []byte) parquet.Value { return f.string(event.View(text)) }

func (f *fileWriter) string(text string) parquet.Value {
	f.room(len(text))
	n := len(f.arena)
	f.arena = append(f.arena, text...)
	f.size += int64(len(text))
	return parquet.ByteArrayValue(f.arena[n:len(f.arena):len(f.arena)])
}

// room makes sure that so many bytes fit the arena. Texts that were handed out
// keep the one of before alive.
func (f *fileWriter) room(n int) {
	if cap(f.arena)-len(f.arena) < n {
		f.arena = make([]byte, 0, max(1<<18, 2*cap(f.arena), n))
	}
}

func (f *fileWriter) flushBatch() error {
	for c, w := range f.columns {
		f.pad(c)
		f.filled[c] = 0
		if _, err := w.WriteRowValues(f.batch[c]); err != nil {
			return fmt.Errorf("write archive: column %s: %w", columns[c].name, err)
		}
		clear(f.batch[c]) // they point into texts
		f.batch[c] = f.batch[c][:0]
	}
	f.rows = 0
	if cap(f.arena) > 4<<20 {
		f.arena = nil
	}
	f.arena = f.arena[:0]
	return nil
}

func (f *fileWriter) flushGroup() error {
	if f.group.Rows == 0 {
		return nil
	}
	if err := f.flushBatch(); err != nil {
		return err
	}
	if err := f.out.Flush(); err != nil {
		return fmt.Errorf("write archive: %w", err)
	}
	f.groups = append(f.groups, f.group)
	f.group, f.size = Group{}, 0
	return nil
}

// close ends the file. The writer below is not closed.
func (f *fileWriter) close() error {
	if err := f.flushGroup(); err != nil {
		return err
	}
	if err := f.out.Close(); err != nil {
		return fmt.Errorf("write archive: %w", err)
	}
	return nil
}
