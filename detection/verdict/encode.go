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
const formatVersion = 1

const magic = "gatewatch verdict model\n"

// maxModel bounds a model file, unpacked.
const maxModel = 16 << 20

// stored is the form of a model in a file, before the table.
type stored struct {
	Format   int                       `json:"format"`
	Inputs   string                    `json:"inputs"` // names of shapes and features
	Unit     float64                   `json:"unit"`
	Shape    [shapes][maxShape]float32 `json:"shape"`
	Bias     float32                   `json:"bias"`
	Rule     map[int]float32           `json:"rule"`
	Family   map[int]float32           `json:"family"`
	Base     float32                   `json:"base"`
	Trees    [][]storedNode            `json:"trees"`
	Curve    []point                   `json:"curve"`
	Training float64                   `json:"training_prior"`
}

type storedNode struct {
	F feature `json:"f"`
	L uint16  `json:"l,omitempty"` // 0 for a leaf
	B float32 `json:"b,omitempty"`
	V float32 `json:"v"`
}

// inputs names everything that weights refer to by number.
func inputs() string {
	h := sha256.New()
	for _, s := range shapeTable {
		fmt.Fprintln(h, s.words)
	}
	for _, f := range featureNames {
		fmt.Fprintln(h, f)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// Encode writes the model. Equal models give equal bytes.
func (m *Model) Encode() ([]byte, error) {
	s := stored{
		Format: formatVersion, Inputs: inputs(), Unit: m.value.unit, Shape: m.value.shape, Bias: m.value.bias,
		Rule: m.rule, Family: m.family, Base: m.request.base, Curve: m.curve, Training: m.trainingPrior,
	}
	for _, t := range m.request.trees {
		nodes := make([]storedNode, len(t))
		for i, n := range t {
			nodes[i] = storedNode{V: n.value}
			if !n.leaf {
				nodes[i] = storedNode{n.feature, n.left, n.below, n.value}
			}
		}
		s.Trees = append(s.Trees, nodes)
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
	m := &Model{curve: s.Curve, trainingPrior: s.Training, shift: logit(s.Training)}
	m.value = &valueModel{table: make([]int8, tableSize), unit: s.Unit, shape: s.Shape, bias: s.Bias}
	for i, v := range table {
		m.value.table[i] = int8(v)
	}
	m.rule, m.family = s.Rule, s.Family
	if m.request, err = forestOf(s); err != nil {
		return nil, fmt.Errorf("decode model: %w", err)
	}
	m.name(b)
	return m, nil
}

// forestOf checks that every path through the trees ends.
func forestOf(s stored) (*forest, error) {
	f := &forest{base: s.Base}
	for _, nodes := range s.Trees {
		t := make(tree, len(nodes))
		if len(t) == 0 {
			return nil, errModel
		}
		for i, n := range nodes {
			if n.L != 0 && (int(n.L) <= i || int(n.L)+1 >= len(nodes) || n.F >= featureCount) {
				return nil, errModel
			}
			t[i] = node{feature: n.F, leaf: n.L == 0, left: n.L, below: n.B, value: n.V}
		}
		f.trees = append(f.trees, t)
	}
	return f, nil
}

// name gives the model its version, from its encoded form.
func (m *Model) name(encoded []byte) {
	sum := sha256.Sum256(encoded)
	m.version = fmt.Sprintf("content/%d+%s", formatVersion, hex.EncodeToString(sum[:6]))
	m.readings = &sync.Pool{}
}
