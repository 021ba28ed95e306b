package verdict

import (
	_ "embed"
	"sync"
)

//go:embed model.bin
var shipped []byte

// Default returns the model that is compiled in (MODEL.md).
var Default = sync.OnceValues(func() (*Model, error) { return Decode(shipped) })
