package queue_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// loopDisk is an ext4 file system in a file, which can lose its power.
type loopDisk struct {
	t         *testing.T
	image, at string
	mounted   bool
}

// newDisk makes a disk of that many bytes. It needs root, mkfs.ext4 and loop
// devices: root that lacks the others fails, and so does who is not root in CI.
func newDisk(t *testing.T, size int64) *loopDisk {
	t.Helper()
	if os.Geteuid() != 0 {
		if os.Getenv("CI") != "" {
			t.Fatal("power cuts and full disks are not tested: they need root, to mount a disk of our own")
		}
		t.Skip("power cuts and full disks need root, to mount a disk of our own")
	}
	dir := t.TempDir()
	d := &loopDisk{t: t, image: filepath.Join(dir, "image"), at: filepath.Join(dir, "mount")}
	if err := os.Mkdir(d.at, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(d.image, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(d.image, size); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mkfs.ext4", "-q", "-F", d.image).CombinedOutput(); err != nil {
		t.Fatalf("power cuts and full disks need mkfs.ext4: %v: %s", err, out)
	}
	if out, err := exec.Command("mount", "-o", "loop", d.image, d.at).CombinedOutput(); err != nil {
		t.Fatalf("power cuts and full disks need loop devices: %v: %s", err, out)
	}
	d.mounted = true
	t.Cleanup(d.release)
	return d
}

// mount mounts the disk if it is not, which replays its journal, and returns where.
func (d *loopDisk) mount() string {
	d.t.Helper()
	if !d.mounted {
		if out, err := exec.Command("mount", "-o", "loop", d.image, d.at).CombinedOutput(); err != nil {
			d.t.Fatalf("mount: %v: %s", err, out)
		}
		d.mounted = true
	}
	return d.at
}

func (d *loopDisk) unmount() {
	if !d.mounted {
		return
	}
	if out, err := exec.Command("umount", d.at).CombinedOutput(); err != nil {
		d.t.Fatalf("umount: %v: %s", err, out)
	}
	d.mounted = false
}

// release unmounts the disk even if a failed test left files open on it.
func (d *loopDisk) release() {
	if !d.mounted {
		return
	}
	if out, err := exec.Command("umount", "--lazy", d.at).CombinedOutput(); err != nil {
		d.t.Errorf("umount: %v: %s", err, out)
	}
}

// cut stops the file system at once, without writing its journal or any page
// it still holds.
func (d *loopDisk) cut() {
	d.t.Helper()
	const shutdown, noLogFlush = 0x8004587d, 2 // FS_IOC_SHUTDOWN, FS_SHUTDOWN_FLAGS_NOLOGFLUSH
	f, err := os.Open(d.at)
	if err != nil {
		d.t.Fatal(err)
	}
	defer f.Close()
	if err := unix.IoctlSetPointerInt(int(f.Fd()), shutdown, noLogFlush); err != nil {
		d.t.Fatalf("cut power: %v", err)
	}
}

// free returns what an ordinary user could still write.
func (d *loopDisk) free() int64 {
	d.t.Helper()
	var s unix.Statfs_t
	if err := unix.Statfs(d.at, &s); err != nil {
		d.t.Fatal(err)
	}
	return int64(s.Bavail) * s.Bsize
}

// fill allocates all but that many bytes, and returns what gives them back.
func (d *loopDisk) fill(leave int64) func() {
	d.t.Helper()
	name := filepath.Join(d.at, "filler")
	f, err := os.Create(name)
	if err != nil {
		d.t.Fatal(err)
	}
	defer f.Close()
	var size int64
	for step := d.free() - leave; step >= 4096; {
		if err := unix.Fallocate(int(f.Fd()), 0, size, step); err != nil {
			step /= 2 // the metadata needs some too
			continue
		}
		size += step
		step = min(step, d.free()-leave)
	}
	return func() {
		if err := os.Remove(name); err != nil {
			d.t.Fatal(err)
		}
	}
}
