package peers

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/archive"
)

// python returns the interpreter that deploy/peers/install.sh has given pyarrow,
// pandas and DuckDB.
func python(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs("../../.tools/python/bin/python")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatal("pyarrow, pandas and DuckDB are missing: run deploy/peers/install.sh")
	}
	return path
}

// archived makes an archive of a web event, of one with values of all kinds, and
// of thousands more, and returns the pattern of its files.
func archived(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	start := time.Date(2026, 11, 21, 8, 30, 0, 123456789, time.UTC)
	_, err := archive.Create(t.Context(), dir, archive.Options{Name: "web", Stream: "web", Now: start}, func(yield func(*event.Event) error) error {
		for n := range 70_000 { // more than a row group
			e := event.Event{ID: fmt.Sprint("id-", n), Time: start.Add(time.Duration(n) * time.Second).UnixNano(), Dataset: "nginx.access"}
			e.Raw = fmt.Appendf(nil, "GET /%d ü", n)
			e.AddAddr(event.SourceIP, netip.AddrFrom4([4]byte{203, 0, 113, byte(n)}))
			e.AddInt(event.HTTPResponseStatusCode, []int64{200, 403}[n%2])
			if n == 1 {
				e.Raw = []byte("\xff\x00binary")
				e.AddText(event.Tags, "a")
				e.AddText(event.Tags, "b")
				e.Add(event.VerdictPAttack, event.Float(0.5))
				e.Add(event.WAFPolicyOnly, event.Bool(true))
				e.Add(event.Intern("labels.when"), event.Time(start.UnixNano()))
				e.AddText(event.Intern("labels.owner"), "shop \"1\"")
			}
			if err := yield(&e); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "*", "*.parquet")
}

// read runs a Python script with the pattern of the files as its argument.
func read(t *testing.T, script, files string) string {
	t.Helper()
	cmd := exec.Command(python(t), "-c", script, files)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("python: %v\n%s", err, stderr.String())
	}
	return string(out)
}

// TestDuckDB: DuckDB reads archives as they are.
func TestDuckDB(t *testing.T) {
	t.Parallel()
	got := read(t, `
import duckdb, sys
db = duckdb.connect()
db.execute("set timezone = 'UTC'")
db.execute("create view events as from read_parquet('" + sys.argv[1] + "')")
def show(sql):
    for row in db.execute(sql).fetchall():
        print(*row, sep=" | ")
show('select count(*), min("@timestamp")::varchar, sum("http.response.status_code") from events')
show('select "source.ip", count(*) from events where "http.response.status_code" = 403 group by all order by 2 desc, 1 limit 2')
show("""select "event.id", "gatewatch.timestamp_nanos", "gatewatch.stream", tags, "verdict.p_attack", "waf.policy_only", "event.original",
  "gatewatch.original_bytes", "gatewatch.fields", "gatewatch.fields"::json->>'labels.owner' from events where "event.id" in ('id-1', 'id-2') order by 1""")
show("""select typeof("@timestamp"), typeof(tags), typeof("source.ip"), typeof("source.port") from events limit 1""")
`, archived(t))
	want := `70000 | 2026-11-21 08:30:00.123456+00 | 21105000
203.0.113.1 | 274
203.0.113.101 | 274
id-1 | 789 | web | ['a', 'b'] | 0.5 | True | None | b'\xff\x00binary' | {"labels.when":"2026-11-21T08:30:00.123456789Z","labels.owner":"shop \"1\""} | shop "1"
id-2 | 789 | web | None | None | None | GET /2 ü | None | None | None
TIMESTAMP WITH TIME ZONE | VARCHAR[] | VARCHAR | BIGINT
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestPyArrow: so does Arrow.
func TestPyArrow(t *testing.T) {
	t.Parallel()
	got := read(t, `
import glob, sys
import pyarrow.parquet as pq
table = pq.read_table(sorted(glob.glob(sys.argv[1])))
print(table.num_rows, pq.ParquetFile(glob.glob(sys.argv[1])[0]).num_row_groups)
for name in ["@timestamp", "tags", "source.ip", "http.response.status_code", "verdict.p_attack", "waf.policy_only", "gatewatch.original_bytes", "gatewatch.kinds"]:
    print(name, table.schema.field(name).type, table.column(name)[1].as_py())
`, archived(t))
	want := `70000 2
@timestamp timestamp[us, tz=UTC] 2026-11-21 08:30:01.123456+00:00
tags list<element: string not null> ['a', 'b']
source.ip string 203.0.113.1
http.response.status_code int64 403
verdict.p_attack double 0.5
waf.policy_only bool True
gatewatch.original_bytes binary b'\xff\x00binary'
gatewatch.kinds list<element: string not null> ['labels.when=t']
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestPandas: so does pandas.
func TestPandas(t *testing.T) {
	t.Parallel()
	got := read(t, `
import glob, sys
import pandas as pd
events = pd.concat([pd.read_parquet(f) for f in sorted(glob.glob(sys.argv[1]))])
print(len(events), events["@timestamp"].dtype, events["http.response.status_code"].sum())
denied = events[events["http.response.status_code"] == 403]
print(denied.groupby("source.ip").size().sort_values(ascending=False, kind="stable").head(2).to_dict())
row = events.iloc[1]
print(row["@timestamp"], list(row["tags"]), row["verdict.p_attack"], row["waf.policy_only"], row["gatewatch.original_bytes"])
`, archived(t))
	want := `70000 datetime64[us, UTC] 21105000
{'203.0.113.1': 274, '203.0.113.101': 274}
2026-11-21 08:30:01.123456+00:00 ['a', 'b'] 0.5 True b'\xff\x00binary'
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
