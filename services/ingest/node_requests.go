package ingest

import (
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Seal makes of a copy of a request that a node sends the record that is kept of
// it; see [kept.Sealer]. After an error the node sends the copy again.
type Seal func(node string, raw []byte) ([]byte, error)

// Keep lets nodes send copies of requests, which no other sender may. It is called
// before the first stream.
func (n *NodeServer) Keep(seal Seal) { n.seal = seal }

// sealed returns copies of requests in the form in which they become durable.
func (s *nodeStream) sealed(records [][]byte) ([][]byte, error) {
	all := make([][]byte, len(records))
	for i, raw := range records {
		var err error
		if all[i], err = s.seal(s.node, raw); err != nil {
			s.log.Error("seal copies of requests", "node", s.node, "err", err)
			return nil, status.Error(codes.Unavailable, "copies of requests cannot be sealed")
		}
	}
	return all, nil
}
