package faults

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/gatewatch/gatewatch/test/server"
)

// disk is an ext4 file system in a file, which can be full or lose its power.
type disk struct {
	t         *testing.T
	image, at string
}

// newDisk mounts a disk of that many bytes for the time of the test.
func newDisk(t *testing.T, size int64) *disk {
	t.Helper()
	if os.Geteuid() != 0 {
		if os.Getenv("CI") != "" {
			t.Fatal("full disks and power cuts are not tested: they need root, to mount a disk of our own")
		}
		t.Skip("full disks and power cuts need root, to mount a disk of our own")
	}
	dir := t.TempDir()
	d := &disk{t: t, image: filepath.Join(dir, "image"), at: filepath.Join(dir, "mount")}
	writeFile(t, d.image, nil)
	if err := os.Truncate(d.image, size); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(d.at, 0o700); err != nil {
		t.Fatal(err)
	}
	d.command("mkfs.ext4", "-q", "-F", d.image)
	d.mount()
	t.Cleanup(func() {
		// Also where a failed test has left files open on it.
		if out, err := exec.Command("umount", "--lazy", d.at).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
	return d
}

func (d *disk) command(name string, args ...string) {
	d.t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		d.t.Fatalf("%s: %v: %s", name, err, out)
	}
}

func (d *disk) mount() { d.t.Helper(); d.command("mount", "-o", "loop", d.image, d.at) }

// powerCycle stops the file system at once, without writing its journal or any
// page that it still holds, ends the server, and mounts what is on the disk.
func (d *disk) powerCycle(s *server.Server) {
	d.t.Helper()
	const shutdown, noLogFlush = 0x8004587d, 2 // FS_IOC_SHUTDOWN, FS_SHUTDOWN_FLAGS_NOLOGFLUSH
	f, err := os.Open(d.at)
	if err != nil {
		d.t.Fatal(err)
	}
	err = unix.IoctlSetPointerInt(int(f.Fd()), shutdown, noLogFlush)
	f.Close()
	if err != nil {
		d.t.Fatalf("cut power: %v", err)
	}
	s.Kill()
	server.Poll(d.t, server.Patience, "the disk can be unmounted", func() bool { return exec.Command("umount", d.at).Run() == nil })
	d.mount()
}

// free returns what an ordinary user could still write.
func (d *disk) free() int64 {
	d.t.Helper()
	var s unix.Statfs_t
	if err := unix.Statfs(d.at, &s); err != nil {
		d.t.Fatal(err)
	}
	return int64(s.Bavail) * s.Bsize
}

// fill makes a file that takes all but that many bytes, and returns what gives
// them back.
func (d *disk) fill(file string, leave int64) (release func()) {
	d.t.Helper()
	name := filepath.Join(d.at, file)
	f, err := os.Create(name)
	if err != nil {
		d.t.Fatal(err)
	}
	defer f.Close()
	var size int64
	for step := d.free() - leave; step >= 4096; step = min(step, d.free()-leave) {
		if err := unix.Fallocate(int(f.Fd()), 0, size, step); err != nil {
			step /= 2 // the metadata needs some too
			continue
		}
		size += step
	}
	return func() {
		if err := os.Remove(name); err != nil {
			d.t.Fatal(err)
		}
	}
}
