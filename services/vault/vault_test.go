package vault

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

var start = time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)

func testRing(t testing.TB) *Ring {
	t.Helper()
	m, err := EnsureMaster(filepath.Join(t.TempDir(), "master.key"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := Open(filepath.Join(t.TempDir(), "keys.json"), m)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func testKey(t testing.TB, r *Ring) *Key {
	t.Helper()
	k, err := r.Current("test", start, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestMaster(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "master.key")
	made, err := EnsureMaster(path)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := EnsureMaster(path); err != nil || again != made {
		t.Errorf("the second start: other key, or %v", err)
	}
	f := func(name, text string, mode os.FileMode, want string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		_, err := EnsureMaster(path)
		if got := errorText(err); !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("%s: error %q, want %q", name, got, want)
		}
		if now, _ := os.ReadFile(path); string(now) != text {
			t.Errorf("%s: the file was changed", name)
		}
		if strings.Contains(errorText(err), "secret") {
			t.Errorf("%s: the error tells the content: %v", name, err)
		}
	}
	f("hex", strings.Repeat("0f", 32)+"\n", 0o600, "")
	f("base64", strings.Repeat("A", 43)+"=", 0o400, "")
	f("short", strings.Repeat("0f", 31), 0o600, "want 32 bytes")
	f("text", "secret", 0o600, "want 32 bytes")
	f("empty", "", 0o600, "want 32 bytes")
	f("open", strings.Repeat("0f", 32), 0o644, "lets others read")
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// TestRing: keys outlive the process, others see new ones, no other master opens
// them, and either of the two files will do.
func TestRing(t *testing.T) {
	r := testRing(t)
	reader, err := Open(r.path, r.master)
	if err != nil {
		t.Fatal(err)
	}
	k := testKey(t, r)
	for _, at := range []time.Duration{time.Minute, 59 * time.Minute} {
		if same, err := r.Current("test", start.Add(at), time.Hour); err != nil || same != k {
			t.Errorf("after %s: another key, %v", at, err)
		}
	}
	young, err := r.Current("test", start.Add(time.Hour), time.Hour)
	if err != nil || young.ID == k.ID {
		t.Errorf("after an hour: the same key, %v", err)
	}
	other, err := r.Current("other", start, time.Hour)
	if err != nil || other.ID == k.ID {
		t.Errorf("other purpose: the same key, %v", err)
	}
	for _, k := range []*Key{k, young, other} {
		if seen, err := reader.Key(k.ID); err != nil || seen.secret != k.secret {
			t.Errorf("another process: %v", err)
		}
	}
	if _, err := Open(r.path, Master{}); !errors.Is(err, ErrMaster) {
		t.Errorf("other master: %v", err)
	}
	for _, broken := range []string{r.path, r.path + ".copy"} {
		whole, err := os.ReadFile(broken)
		if err != nil {
			t.Fatal(err)
		}
		for _, content := range [][]byte{nil, whole[:len(whole)/2], []byte("{}")} {
			if err := os.WriteFile(broken, content, 0o600); err != nil {
				t.Fatal(err)
			}
			if again, err := Open(r.path, r.master); err != nil || len(again.keys) != 3 {
				t.Errorf("%s damaged: %v", broken, err)
			}
		}
		if err := os.WriteFile(broken, whole, 0o600); err != nil {
			t.Fatal(err)
		}
	}

	master := Master{key: [keySize]byte{1}}
	if err := r.Rewrap(master); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(r.path, reader.master); !errors.Is(err, ErrMaster) {
		t.Errorf("old master after rewrapping: %v", err)
	}
	if again, err := Open(r.path, master); err != nil || again.open[k.ID].secret != k.secret {
		t.Errorf("new master after rewrapping: %v", err)
	}
	if err := r.Destroy(k.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Key(k.ID); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("destroyed key: %v", err)
	}
	if b, _ := os.ReadFile(r.path); bytes.Contains(b, []byte(k.ID.String())) {
		t.Error("the destroyed key is still in the file")
	}
}

// TestRingDamage flips each bit of either file: all keys stay, what is made next
// adds to them, and the damaged file is whole again.
func TestRingDamage(t *testing.T) {
	r := testRing(t)
	k := testKey(t, r)
	whole, err := os.ReadFile(r.path)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(whole)*8; i += 7 {
		bad := bytes.Clone(whole)
		bad[i/8] ^= 1 << (i % 8)
		for _, path := range []string{r.path, r.path + ".copy"} {
			if err := os.WriteFile(path, bad, 0o600); err != nil {
				t.Fatal(err)
			}
			again, err := Open(r.path, r.master)
			if err != nil || again.open[k.ID] == nil {
				t.Fatalf("bit %d of %s: %v", i, path, err)
			}
			if i%(7*31) == 0 {
				if _, err := again.Current("another", start, time.Hour); err != nil {
					t.Fatal(err)
				}
				if b, err := readRing(path, r.master); err != nil || len(b.Keys) != 2 {
					t.Fatalf("bit %d of %s: %d keys after a change, %v", i, path, len(b.Keys), err)
				}
			}
			for _, path := range []string{r.path, r.path + ".copy"} {
				if err := os.WriteFile(path, whole, 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	for _, path := range []string{r.path, r.path + ".copy"} {
		if err := os.WriteFile(path, whole[1:], 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Open(r.path, r.master); !errors.Is(err, ErrDamaged) {
		t.Errorf("both files damaged: %v", err)
	}
}

// TestRingOfTwo lets two processes make keys at once: none is lost.
func TestRingOfTwo(t *testing.T) {
	first := testRing(t)
	second, err := Open(first.path, first.master)
	if err != nil {
		t.Fatal(err)
	}
	var made sync.WaitGroup
	for i, r := range []*Ring{first, second, first, second} {
		made.Go(func() {
			for j := range 5 {
				if _, err := r.Current(string(rune('a'+i*5+j)), start, time.Hour); err != nil {
					t.Error(err)
				}
			}
		})
	}
	made.Wait()
	if r, err := Open(first.path, first.master); err != nil || len(r.keys) != 20 {
		t.Errorf("%d keys of 20, %v", len(r.keys), err)
	}
}

func TestMessage(t *testing.T) {
	r := testRing(t)
	s, err := testKey(t, r).Sealer()
	if err != nil {
		t.Fatal(err)
	}
	label := []byte("place 1")
	for _, n := range []int{0, 1, 100, 1 << 20} {
		plain := bytes.Repeat([]byte("ab"), n)[:n]
		sealed := s.Seal([]byte("before"), plain, label)[len("before"):]
		if len(sealed) != n+Overhead || n > 10 && bytes.Contains(sealed, plain[:10]) {
			t.Errorf("%d bytes: %d sealed ones", n, len(sealed))
		}
		if got, err := r.Unseal([]byte("x"), sealed, label); err != nil || string(got) != "x"+string(plain) {
			t.Errorf("%d bytes: opened %d, %v", n, len(got), err)
		}
		if _, err := r.Unseal(nil, sealed, []byte("place 2")); !errors.Is(err, ErrDamaged) {
			t.Errorf("other label: %v", err)
		}
		for _, i := range []int{8, 24, len(sealed) - 1} {
			bad := bytes.Clone(sealed)
			bad[i] ^= 1
			if _, err := r.Unseal(nil, bad, label); !errors.Is(err, ErrDamaged) {
				t.Errorf("bit of byte %d: %v", i, err)
			}
		}
		bad := bytes.Clone(sealed)
		bad[0] ^= 1
		if _, err := r.Unseal(nil, bad, label); !errors.Is(err, ErrUnknownKey) {
			t.Errorf("bit of the key id: %v", err)
		}
	}
	// The plain text may stand where its ciphertext goes.
	buf := append(make([]byte, Overhead-tagSize), "in place"...)
	buf = append(buf, make([]byte, tagSize)...)
	sealed := s.Seal(buf[:0], buf[messageHead:messageHead+8], nil)
	if got, err := r.Unseal(sealed[messageHead:messageHead], sealed, nil); err != nil || string(got) != "in place" {
		t.Errorf("in place: %q, %v", got, err)
	}
}

func sealFile(t testing.TB, k *Key, plain []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := NewWriter(&b, k)
	if err != nil {
		t.Fatal(err)
	}
	for p := plain; len(p) > 0; {
		n := min(len(p), 1+rand.IntN(3*frameSize))
		if _, err := w.Write(p[:n]); err != nil {
			t.Fatal(err)
		}
		p = p[n:]
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestFile reads files of all lengths around a frame at random places.
func TestFile(t *testing.T) {
	r := testRing(t)
	k := testKey(t, r)
	for _, n := range []int{0, 1, frameSize - 1, frameSize, frameSize + 1, 2 * frameSize, 40*frameSize + 7} {
		plain := make([]byte, n)
		fill(plain)
		sealed := sealFile(t, k, plain)
		if int64(len(sealed)) != SealedSize(int64(n)) {
			t.Errorf("%d bytes: %d sealed, want %d", n, len(sealed), SealedSize(int64(n)))
		}
		src := bytes.NewReader(sealed)
		if ok, err := Sealed(src); !ok || err != nil {
			t.Errorf("%d bytes: not known as sealed, %v", n, err)
		}
		f, err := NewReader(src, src.Size(), r)
		if err != nil {
			t.Fatal(err)
		}
		if all, err := io.ReadAll(io.NewSectionReader(f, 0, f.Size())); err != nil || !bytes.Equal(all, plain) {
			t.Errorf("%d bytes: read %d, %v", n, len(all), err)
		}
		for range 200 {
			off, p := rand.IntN(n+10), make([]byte, rand.IntN(n+10))
			got, err := f.ReadAt(p, int64(off))
			want, wantErr := bytes.NewReader(plain).ReadAt(make([]byte, len(p)), int64(off))
			if len(p) == 0 {
				want, wantErr = 0, nil
			}
			if got != want || (err == nil) != (wantErr == nil) || got > 0 && !bytes.Equal(p[:got], plain[off:off+got]) {
				t.Fatalf("%d bytes: %d from %d: got %d, %v, want %d, %v", n, len(p), off, got, err, want, wantErr)
			}
		}
	}
}

// TestFileDamage: a bit that is not the one that was written costs one frame at
// most, is never read as content, and so is a cut or a frame that was moved.
func TestFileDamage(t *testing.T) {
	r := testRing(t)
	plain := make([]byte, 5*frameSize+100)
	fill(plain)
	sealed := sealFile(t, testKey(t, r), plain)
	// readable counts the bytes that a damaged file still gives, each compared.
	readable := func(b []byte) int {
		t.Helper()
		f, err := NewReader(bytes.NewReader(b), int64(len(b)), r)
		if err != nil {
			if !errors.Is(err, ErrDamaged) {
				t.Fatal(err)
			}
			return 0
		}
		n := 0
		for at := int64(0); at < f.Size(); at += frameSize {
			p := make([]byte, min(frameSize, f.Size()-at))
			k, err := f.ReadAt(p, at)
			if err != nil && !errors.Is(err, ErrDamaged) {
				t.Fatal(err)
			}
			if !bytes.Equal(p[:k], plain[at:at+int64(k)]) {
				t.Fatalf("other content at %d", at)
			}
			n += k
		}
		return n
	}
	for range 500 {
		bad := bytes.Clone(sealed)
		i := rand.IntN(len(bad))
		bad[i] ^= 1 << rand.IntN(8)
		want := len(plain)
		if frame := (i - 2*fileHead) / sealedFrame; i >= 2*fileHead {
			want -= min(frameSize, len(plain)-frame*frameSize)
		}
		if got := readable(bad); got != want {
			t.Errorf("bit of byte %d: %d bytes are left, want %d", i, got, want)
		}
	}
	for cut := range len(sealed) / 3 {
		n := cut * 3
		whole := max(0, n-2*fileHead) / sealedFrame
		if got := readable(sealed[:n]); got > whole*frameSize || got < (whole-1)*frameSize {
			t.Errorf("cut to %d: %d bytes are left", n, got)
		}
		f, err := NewReader(bytes.NewReader(sealed[:n]), int64(n), r)
		if err != nil {
			continue
		}
		if _, err := io.Copy(io.Discard, io.NewSectionReader(f, 0, f.Size())); !errors.Is(err, ErrDamaged) {
			t.Errorf("cut to %d: read to the end with %v", n, err)
		}
	}
	moved := bytes.Clone(sealed)
	copy(moved[2*fileHead:], sealed[2*fileHead+sealedFrame:][:sealedFrame])
	if got := readable(moved); got != len(plain)-frameSize {
		t.Errorf("moved frame: %d bytes are left", got)
	}
}

func FuzzReader(f *testing.F) {
	r := testRing(f)
	f.Add(sealFile(f, testKey(f, r), []byte("a segment")))
	f.Add([]byte(fileMagic))
	f.Fuzz(func(t *testing.T, b []byte) {
		src := bytes.NewReader(b)
		file, err := NewReader(src, src.Size(), r)
		if err != nil {
			return
		}
		if file.Size() > src.Size() {
			t.Errorf("%d bytes of %d", file.Size(), src.Size())
		}
		_, _ = io.Copy(io.Discard, io.NewSectionReader(file, 0, file.Size()))
	})
}

func BenchmarkFile(b *testing.B) {
	r := testRing(b)
	k := testKey(b, r)
	plain := make([]byte, 16<<20)
	b.Run("write", func(b *testing.B) {
		b.SetBytes(int64(len(plain)))
		for b.Loop() {
			w, err := NewWriter(io.Discard, k)
			if err != nil {
				b.Fatal(err)
			}
			_, _ = w.Write(plain)
			if err := w.Close(); err != nil {
				b.Fatal(err)
			}
		}
	})
	sealed := bytes.NewReader(sealFile(b, k, plain))
	f, err := NewReader(sealed, sealed.Size(), r)
	if err != nil {
		b.Fatal(err)
	}
	for _, n := range []int{100, 64 << 10} {
		b.Run(map[int]string{100: "read 100 B", 64 << 10: "read 64 KiB"}[n], func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(n))
			p := make([]byte, n)
			for i := 0; b.Loop(); i++ {
				if _, err := f.ReadAt(p, int64(i*n%(8<<20))); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
