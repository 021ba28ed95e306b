package store

import "io"

// Lock takes the lock of a store's directory for work that no server may do
// beside it. It ends with Close, or with the process.
func Lock(dir string) (io.Closer, error) { return lockDir(dir) }
