package parse

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

var commented = &Format{Name: "test", Header: func(l []byte) bool { return bytes.HasPrefix(l, []byte("#")) }}

// frames describes the records of a stream, one a line.
func frames(t *testing.T, fr *Framer) string {
	t.Helper()
	var out strings.Builder
	for {
		rec, err := fr.Next()
		if errors.Is(err, io.EOF) {
			return out.String()
		}
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&out, "%d-%d %q", rec.Offset, rec.End, rec.Line)
		if rec.Header != "" {
			fmt.Fprintf(&out, " under %q", rec.Header)
		}
		if rec.Dropped != 0 {
			fmt.Fprintf(&out, " dropped %d", rec.Dropped)
		}
		out.WriteByte('\n')
	}
}

func TestFramer(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		of := func(r io.Reader) *Framer { return Lines(r, commented, 8) }
		for name, fr := range map[string]*Framer{
			"whole":     of(strings.NewReader(in)),
			"one byte":  of(iotest.OneByteReader(strings.NewReader(in))),
			"data, err": of(iotest.DataErrReader(strings.NewReader(in))),
			"memory":    LinesOf([]byte(in), commented, 8),
		} {
			if diff := cmp.Diff(want, frames(t, fr)); diff != "" {
				t.Errorf("%q read by %s (-want +got):\n%s", in, name, diff)
			}
		}
	}
	f("", "")
	f("\n\r\n\n", "")
	f("a\nb\r\nc", "0-2 \"a\"\n2-5 \"b\"\n5-6 \"c\"\n")
	f("a\rb\x00\xff\n", "0-6 \"a\\rb\\x00\\xff\"\n")
	f("a\n\n#h1\nb\n#h2\r\nc\n", "0-2 \"a\"\n7-9 \"b\" under \"#h1\"\n14-16 \"c\" under \"#h2\"\n")
	f("12345678\nb\n", "0-9 \"12345678\"\n9-11 \"b\"\n")
	f("12345678\r\nb\n", "0-10 \"12345678\"\n10-12 \"b\"\n")
	f("123456789\nb\n", "0-10 \"12345678\" dropped 1\n10-12 \"b\"\n")
	f("123456789\r\nb\n", "0-11 \"12345678\" dropped 1\n11-13 \"b\"\n")
	f("1234567890abc\r\nb\n", "0-15 \"12345678\" dropped 5\n15-17 \"b\"\n")
	f("1234567890abc", "0-13 \"12345678\" dropped 5\n")
	f("#2345678901\nb\n", "0-12 \"#2345678\" dropped 3\n12-14 \"b\"\n") // too long for a header
}

func TestFramerBoundsMemory(t *testing.T) {
	const limit = 1000
	long := strings.Repeat("x", 10<<20)
	fr := Lines(strings.NewReader("a\n"+long+"\nb\n"), nil, limit)
	var got []string
	for {
		rec, err := fr.Next()
		if err != nil {
			break
		}
		got = append(got, fmt.Sprint(len(rec.Line), rec.Offset, rec.Dropped))
	}
	want := []string{"1 0 0", fmt.Sprint(limit, 2, len(long)-limit), fmt.Sprint(1, len(long)+3, 0)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("records differ (-want +got):\n%s", diff)
	}
	if cap(fr.buf) > limit+2*readAhead {
		t.Errorf("buffer of %d bytes for records of at most %d", cap(fr.buf), limit)
	}
}

func TestFramerResumes(t *testing.T) {
	in := "#h\nfirst\nsecond\nthird\n"
	fr := Lines(strings.NewReader(in), commented, 0)
	rec, err := fr.Next()
	if err != nil {
		t.Fatal(err)
	}
	again := Lines(strings.NewReader(in[rec.End:]), commented, 0)
	again.Resume(rec.End, rec.Header)
	next, err := again.Next()
	if err != nil || string(next.Line) != "second" || next.Offset != 9 || next.Header != "#h" {
		t.Errorf("resumed at %+v, %v", next, err)
	}
	if again.Offset() != 16 || again.Header() != "#h" {
		t.Errorf("offset %d, header %q", again.Offset(), again.Header())
	}
}

func TestFramerKeepsReadErrors(t *testing.T) {
	broken := errors.New("disk gone")
	for _, tail := range []string{"half", strings.Repeat("x", 100)} {
		fr := Lines(io.MultiReader(strings.NewReader("a\n"+tail), iotest.ErrReader(broken)), nil, 8)
		if rec, err := fr.Next(); err != nil || string(rec.Line) != "a" {
			t.Fatalf("first record %q, %v", rec.Line, err)
		}
		for range 2 {
			if rec, err := fr.Next(); !errors.Is(err, broken) {
				t.Errorf("after %q: %q, %v; want the error of the reader", tail, rec.Line, err)
			}
		}
		if fr.Offset() != 2 {
			t.Errorf("after %q: offset %d, want 2", tail, fr.Offset())
		}
	}
}

func FuzzFramer(f *testing.F) {
	f.Add([]byte("a\r\n#h\nbcd\n123456789\n"), uint8(4))
	f.Add([]byte("\x00\n\n"), uint8(1))
	f.Fuzz(func(t *testing.T, in []byte, max uint8) {
		before := bytes.Clone(in)
		if diff := cmp.Diff(frames(t, Lines(bytes.NewReader(in), commented, int(max)+1)), frames(t, LinesOf(in, commented, int(max)+1))); diff != "" {
			t.Fatalf("lines of a stream and of memory differ (-stream +memory):\n%s", diff)
		}
		if !bytes.Equal(in, before) {
			t.Fatal("memory was changed")
		}
		fr := Lines(iotest.HalfReader(bytes.NewReader(in)), commented, int(max)+1)
		at := int64(0)
		for {
			rec, err := fr.Next()
			if err != nil {
				break
			}
			if rec.Offset < at || rec.End <= rec.Offset || rec.End > int64(len(in)) {
				t.Fatalf("record at %d-%d after %d", rec.Offset, rec.End, at)
			}
			at = rec.End
			whole := bytes.TrimSuffix(in[rec.Offset:rec.End], []byte("\n"))
			if len(whole) < int(rec.End-rec.Offset) {
				whole = bytes.TrimSuffix(whole, []byte("\r"))
			}
			if !bytes.HasPrefix(whole, rec.Line) || len(whole) != len(rec.Line)+int(rec.Dropped) {
				t.Fatalf("record %q, dropped %d, of %q", rec.Line, rec.Dropped, whole)
			}
		}
		if fr.Offset() != int64(len(in)) {
			t.Fatalf("ended at %d of %d", fr.Offset(), len(in))
		}
	})
}
