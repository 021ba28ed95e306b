package verdict

// forest is a sum of small decision trees over a vector: the request model.
type forest struct {
	base  float32
	trees []tree
}

// tree is a decision tree in an array: the children of node i are at left and
// left+1. Every node has the value it would give if it were the last, so that a
// path tells what each step has moved.
type tree []node

type node struct {
	feature feature
	leaf    bool
	left    uint16
	below   float32 // vectors with less than this go left
	value   float32
}

// score sums the trees. The contribution of each feature is added to moved.
func (f *forest) score(x *vector, moved *vector) float32 {
	sum := f.base
	for _, t := range f.trees {
		i := uint16(0)
		for !t[i].leaf {
			n := &t[i]
			next := n.left
			if !(x[n.feature] < n.below) {
				next++
			}
			moved[n.feature] += t[next].value - n.value
			i = next
		}
		sum += t[i].value
	}
	return sum
}
