package verdict

// novelty is how many pages and parameters a network has made known of late. The
// count halves every conductHalf.
type novelty struct {
	Last int64 // Unix nanoseconds
	N    float32
}

// maxNovel is how many pages and parameters a network can make known at once;
// after that it is about 35 in five minutes.
const maxNovel = 128

// admits tells whether a network may make known one page or parameter more, and
// counts it.
func (y *Memory) admits(from uint64, at int64) bool {
	n := y.novelty.use(from)
	if passed := at - n.Last; passed > 0 {
		n.N *= left(passed)
		n.Last = at
	}
	if n.N+1 > maxNovel {
		return false
	}
	n.N++
	return true
}
