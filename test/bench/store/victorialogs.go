package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
)

// victoriaLogs is a single VictoriaLogs server, with streams by site.
type victoriaLogs struct {
	program, dir, cores string
	flush               string // its -inmemoryDataFlushInterval
	base                string
}

func (v *victoriaLogs) name() string { return "VictoriaLogs" }

func (v *victoriaLogs) start() (*process, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	v.base = "http://" + address
	p, err := launch(v.dir+".log", v.cores, v.program, "-storageDataPath", filepath.Join(v.dir, "data"), "-httpListenAddr", address,
		"-retentionPeriod", "100y", "-inmemoryDataFlushInterval", v.flush, "-loggerLevel", "WARN",
		"-search.maxQueryDuration", "600s", "-insert.maxLineSizeBytes", "1MiB")
	if err != nil {
		return nil, err
	}
	return p, reachable(p, v.base+"/health")
}

func (v *victoriaLogs) insert(lines []byte) error {
	req, err := post(v.base+"/insert/jsonline?_stream_fields=site&_time_field=@timestamp&_msg_field=message", "application/stream+json", lines)
	if err == nil {
		_, err = call(req)
	}
	return err
}

// settle merges all parts.
func (v *victoriaLogs) settle() error {
	for _, path := range []string{"/internal/force_flush", "/internal/force_merge"} {
		req, err := http.NewRequest(http.MethodGet, v.base+path, nil)
		if err != nil {
			return err
		}
		if _, err := call(req); err != nil {
			return err
		}
	}
	return nil
}

func (v *victoriaLogs) ask(_ *question, form string) ([]byte, error) {
	values := url.Values{"query": {form}}
	if query, found := strings.CutPrefix(form, newest); found {
		values = url.Values{"query": {query}, "limit": {"100"}}
	}
	req, err := post(v.base+"/select/logsql/query", "application/x-www-form-urlencoded", []byte(values.Encode()))
	if err != nil {
		return nil, err
	}
	return call(req)
}

func (v *victoriaLogs) answer(q *question, body []byte) (int, error) {
	lines := bufio.NewScanner(bytes.NewReader(body))
	lines.Buffer(nil, 16<<20)
	result := 0
	for lines.Scan() {
		if q.rows {
			result++
			continue
		}
		var row map[string]string
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			return 0, fmt.Errorf("read answer: %w", err)
		}
		n, err := strconv.Atoi(row["n"])
		if err != nil {
			return 0, fmt.Errorf("read answer: %w", err)
		}
		if q.best {
			result = max(result, n)
		} else {
			result += n
		}
	}
	return result, lines.Err()
}
