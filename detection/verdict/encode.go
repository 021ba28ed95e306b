package verdict

import (
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
)

// formatVersion changes when features, shapes or hashing do, for weights then
// mean something else.
const formatVersion = 2

const magic = "gatewatch verdict model\n"

// maxModel bounds a model file, unpacked.
const maxModel = 16 << 20

// stored is the form of a model in a file, before the table.
type stored struct {
	Format   int                       `json:"format"`
	Inputs   string                    `json:"inputs"` // names of shapes and terms
	Unit     float64                   `json:"unit"`
	Shape    [shapes][maxShape]float32 `json:"shape"`
	Bias     float32                   `json:"bias"`
	Allowed  weights                   `json:"allowed"`
	Blocked  weights                   `json:"blocked"`
	Curves   curves                    `json:"curves"`
	Training float64                   `json:"training_prior"`
}

// inputs names everything that weights refer to by number.
func inputs() string {
	h := sha256.New()
	for _, s := range shapeTable {
		fmt.Fprintln(h, s.words)
	}
	for _, f := range termNames {
		fmt.Fprintln(h, f)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// Encode writes the model. Equal models give equal bytes.
func (m *Model) Encode() ([]byte, error) {
	s := stored{
		Format: formatVersion, Inputs: inputs(), Unit: m.value.unit, Shape: m.value.shape, Bias: m.value.bias,
		Allowed: m.request.allowed, Blocked: m.request.blocked, Curves: m.curves, Training: m.trainingPrior,
	}
	head, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("encode model: %w", err)
	}
	var b bytes.Buffer
	b.WriteString(magic)
	w, err := flate.NewWriter(&b, flate.BestCompression)
	if err != nil {
		return nil, fmt.Errorf("encode model: %w", err)
	}
	table := make([]byte, len(m.value.table))
	for i, v := range m.value.table {
		table[i] = byte(v)
	}
	if _, err := w.Write(append(append(head, '\n'), table...)); err != nil {
		return nil, fmt.Errorf("encode model: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("encode model: %w", err)
	}
	return b.Bytes(), nil
}

var errModel = errors.New("damaged or of another version")

// Decode reads a model that Encode has written.
func Decode(b []byte) (*Model, error) {
	packed, ok := bytes.CutPrefix(b, []byte(magic))
	if !ok {
		return nil, errors.New("decode model: not a verdict model")
	}
	all, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(packed)), maxModel))
	if err != nil {
		return nil, fmt.Errorf("decode model: %w", err)
	}
	head, table, found := bytes.Cut(all, []byte("\n"))
	var s stored
	if err := json.Unmarshal(head, &s); err != nil {
		return nil, fmt.Errorf("decode model: %w", err)
	}
	if !found || len(table) != tableSize || s.Format != formatVersion || s.Inputs != inputs() {
		return nil, fmt.Errorf("decode model: %w", errModel)
	}
	if !rises(s.Curves.Allowed) || !rises(s.Curves.Policy) || !rises(s.Curves.Pattern) || !(s.Training > 0 && s.Training < 1) {
		return nil, fmt.Errorf("decode model: %w", errModel)
	}
	m := &Model{curves: s.Curves, trainingPrior: s.Training, shift: logit(s.Training)}
	m.value = &valueModel{table: make([]int8, tableSize), unit: s.Unit, shape: s.Shape, bias: s.Bias}
	for i, v := range table {
		m.value.table[i] = int8(v)
	}
	m.request = &linear{allowed: s.Allowed, blocked: s.Blocked}
	m.name(b)
	return m, nil
}

// rises tells whether a curve keeps the order of scores.
func rises(c curve) bool {
	for i := 1; i < len(c); i++ {
		if !(c[i].X > c[i-1].X && c[i].Y > c[i-1].Y) {
			return false
		}
	}
	return true
}

// name gives the model its version, from its encoded form.
func (m *Model) name(encoded []byte) {
	sum := sha256.Sum256(encoded)
	m.version = fmt.Sprintf("content/%d+%s", formatVersion, hex.EncodeToString(sum[:6]))
	m.readings = &sync.Pool{}
}
