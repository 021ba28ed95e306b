package api

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/proto/gatewatch/v1"
	"github.com/gatewatch/gatewatch/services/sheet"
	"github.com/gatewatch/gatewatch/services/store"
)

const (
	methodExport = gatewatchv1.SearchService_Export_FullMethodName

	defaultExport   = 100_000
	maxExport       = 1_000_000
	maxExportFields = 200
	// exportChunk is about how much is sent at once.
	exportChunk = 64 << 10
)

// exportColumns are those of CSV unless others are asked for.
var exportColumns = []event.Key{
	event.Timestamp, event.EventDataset, event.GatewatchSource, event.ClientIP, event.SourceIP, event.EventOutcome,
	event.Message, event.EventID, event.EventAction, event.HTTPRequestMethod, event.URLOriginal,
	event.HTTPResponseStatusCode, event.URLPath, event.UserName, event.WAFSite, event.WAFMode, event.WAFDecision,
	event.WAFAction, event.WAFAnomalyScore, event.WAFReason, event.RuleID, event.ErrorMessage, event.EventOriginal,
}

// Export implements SearchService.
func (s searchServer) Export(req *gatewatchv1.ExportRequest, stream grpc.ServerStreamingServer[gatewatchv1.ExportResponse]) error {
	return s.api.export(stream.Context(), req, func(data []byte) error {
		return stream.Send(&gatewatchv1.ExportResponse{Data: bytes.Clone(data)})
	})
}

// export writes the file in parts; one is valid during the call of send only.
func (a *API) export(ctx context.Context, req *gatewatchv1.ExportRequest, send func([]byte) error) error {
	limit := int(req.GetLimit())
	switch {
	case limit < 0 || limit > maxExport:
		return &badField{"limit", fmt.Errorf("must be between 0 and %d", maxExport)}
	case len(req.GetFields()) > maxExportFields:
		return &badField{"fields", fmt.Errorf("has more than %d names", maxExportFields)}
	case limit == 0:
		limit = defaultExport
	}
	q, from, to, err := parse(req.GetQuery(), req.GetFrom(), req.GetTo(), a.parts.Now())
	if err != nil {
		return err
	}
	if q.IsAggregation() {
		return &badField{"query", errors.New("ends in a table: use aggregate")}
	}
	release, err := turn(ctx, a.searches)
	if err != nil {
		return err
	}
	defer release()
	f, err := newExportFile(req, send)
	if err != nil {
		return err
	}
	if _, err = a.parts.Store.Search(ctx, store.SearchRequest{Query: q, From: from, To: to, PageSize: limit}, f.add); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	return f.flush()
}

// exportFile turns events into the text of a file.
type exportFile struct {
	send    func([]byte) error
	buf     bytes.Buffer
	csv     *csv.Writer // nil for NDJSON
	columns []event.Key
	line    []byte
	row     []string
}

func newExportFile(req *gatewatchv1.ExportRequest, send func([]byte) error) (*exportFile, error) {
	f := &exportFile{send: send}
	if req.GetFormat() != gatewatchv1.ExportFormat_EXPORT_FORMAT_CSV {
		return f, nil
	}
	f.columns = exportColumns
	if names := req.GetFields(); len(names) > 0 {
		f.columns = make([]event.Key, len(names))
		for i, name := range names {
			f.columns[i] = event.Intern(name)
		}
	}
	f.csv = csv.NewWriter(&f.buf)
	f.row = make([]string, len(f.columns))
	for i, k := range f.columns {
		if f.row[i] = k.String(); k != event.Timestamp { // whose @ no spreadsheet has a function for
			f.row[i] = sheet.Cell(f.row[i])
		}
	}
	return f, f.csv.Write(f.row)
}

func (f *exportFile) add(e *event.Event) error {
	if f.csv == nil {
		f.line = append(e.AppendJSON(f.line[:0]), '\n')
		f.buf.Write(f.line)
	} else {
		for i, k := range f.columns {
			f.row[i] = sheet.Cell(cellOf(e, k))
		}
		if err := f.csv.Write(f.row); err != nil {
			return err
		}
		f.csv.Flush()
	}
	if f.buf.Len() < exportChunk {
		return nil
	}
	return f.flush()
}

func (f *exportFile) flush() error {
	if f.csv != nil {
		f.csv.Flush()
	}
	defer f.buf.Reset()
	if f.buf.Len() == 0 {
		return nil
	}
	return f.send(f.buf.Bytes())
}

// cellOf is the text of a field in a cell.
func cellOf(e *event.Event, k event.Key) string {
	if k == event.Timestamp {
		return string(event.AppendTime(nil, e.Time))
	}
	var parts []string
	for v := range e.Values(k) {
		parts = append(parts, v.String())
	}
	return strings.Join(parts, ", ")
}

// restExport is POST /api/v1/export: the file itself. A file that ends early ends
// without its last chunk, so that nobody takes it for whole.
func (g *guard) restExport(w http.ResponseWriter, r *http.Request, _ map[string]string) {
	var req gatewatchv1.ExportRequest
	if err := readRequest(r, &req); err != nil {
		problemOf(err).write(w)
		return
	}
	kind, name := "application/x-ndjson", "events.ndjson"
	if req.GetFormat() == gatewatchv1.ExportFormat_EXPORT_FORMAT_CSV {
		kind, name = "text/csv; charset=utf-8", "events.csv"
	}
	conn := http.NewResponseController(w)
	begun := false
	begin := func() {
		begun = true
		w.Header().Set("Content-Type", kind)
		w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
	}
	info := &grpc.StreamServerInfo{FullMethod: methodExport, IsServerStream: true}
	err := g.stream(nil, &httpStream{ctx: r.Context()}, info, func(_ any, ss grpc.ServerStream) error {
		if g.api.parts.Store == nil {
			return status.Error(codes.Unimplemented, "this process serves no events")
		}
		return g.api.export(ss.Context(), &req, func(data []byte) error {
			if !begun {
				begin()
			}
			if err := conn.SetWriteDeadline(time.Now().Add(writeTime)); err != nil && !errors.Is(err, http.ErrNotSupported) {
				return err
			}
			_, err := w.Write(data)
			return err
		})
	})
	switch {
	case err != nil && !begun:
		problemOf(err).write(w)
	case err != nil:
		panic(http.ErrAbortHandler)
	case !begun:
		begin()
	}
}
