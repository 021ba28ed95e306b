package ingest

import (
	"fmt"
	"net/http"
	"strings"
)

// handshake answers what shippers of Elasticsearch ask before they send, and
// refuses all else. Nothing is kept: an object that a shipper asks for exists,
// and one that it makes is acknowledged.
func (c *call) handshake(path []string) {
	answer, ok := c.answers(path)
	if !ok {
		c.refuse("http", &refusal{
			http.StatusNotFound, "resource_not_found_exception",
			"nothing is here; records go to /_bulk, /INDEX/_bulk or /raw/FORMAT", "",
		})
		return
	}
	switch c.r.Method {
	case http.MethodGet, http.MethodHead:
		if text, isText := answer.(string); isText {
			writeBody(c.w, http.StatusOK, "text/plain; charset=UTF-8", []byte(text))
			return
		}
		writeJSON(c.w, http.StatusOK, answer)
	case http.MethodPut, http.MethodPost:
		if !made[path[0]] {
			c.only(nil, http.MethodGet, http.MethodHead)
			return
		}
		writeJSON(c.w, http.StatusOK, object{"acknowledged": true, "shards_acknowledged": true, "index": path[len(path)-1]})
	default:
		c.only(nil, http.MethodGet, http.MethodHead)
	}
}

type object map[string]any

// made are the kinds of objects that shippers make when they begin.
var made = map[string]bool{
	"_ilm": true, "_index_template": true, "_component_template": true, "_template": true,
	"_data_stream": true, "_ingest": true, "_alias": true,
}

// answers returns what is known under a path.
func (c *call) answers(path []string) (answer any, ok bool) {
	name := path[len(path)-1]
	switch head := path[0]; {
	case len(path) == 1 && head == "":
		return c.root(), true
	case len(path) == 1 && head == "_license":
		return object{"license": license()}, true
	case len(path) == 1 && head == "_xpack":
		return object{"build": object{}, "license": license(), "features": object{}, "tagline": tagline}, true
	case len(path) == 2 && head == "_cluster" && name == "health":
		return health(), true
	case len(path) == 2 && head == "_cat" && name == "health":
		return "0 00:00:00 gatewatch green 1 1 0 0 0 0 0 0 - 100.0%\n", true
	case head == "_nodes" && len(path) <= 3:
		return c.nodesInfo(), true
	case head == "_data_stream" && len(path) == 2:
		return object{"data_streams": []any{object{"name": name, "status": "GREEN", "indices": []any{}}}}, true
	case made[head] && len(path) <= 3 && len(path) >= 2:
		return object{name: object{}}, true
	}
	return nil, false
}

const tagline = "You Know, for Search"

func (c *call) root() object {
	return object{
		"name": "gatewatch", "cluster_name": "gatewatch", "cluster_uuid": "gatewatch-ingest-000000",
		"version": object{
			"number": c.cfg.ElasticVersion, "build_flavor": "default", "build_type": "tar",
			"build_hash": "gatewatch", "build_date": "2026-01-01T00:00:00.000Z", "build_snapshot": false,
			"lucene_version":                      "9.12.0",
			"minimum_wire_compatibility_version":  "7.17.0",
			"minimum_index_compatibility_version": "7.0.0",
		},
		"tagline": tagline,
	}
}

func license() object {
	return object{
		"status": "active", "uid": "gatewatch", "type": "basic", "mode": "basic",
		"issued_to": "gatewatch", "issuer": "gatewatch", "max_nodes": 1000, "start_date_in_millis": -1,
	}
}

func health() object {
	return object{
		"cluster_name": "gatewatch", "status": "green", "timed_out": false,
		"number_of_nodes": 1, "number_of_data_nodes": 1, "active_primary_shards": 0, "active_shards": 0,
		"relocating_shards": 0, "initializing_shards": 0, "unassigned_shards": 0,
		"delayed_unassigned_shards": 0, "number_of_pending_tasks": 0, "number_of_in_flight_fetch": 0,
		"task_max_waiting_in_queue_millis": 0, "active_shards_percent_as_number": 100.0,
	}
}

// nodesInfo tells shippers that look for nodes that there is the one they asked.
func (c *call) nodesInfo() object {
	return object{
		"_nodes":       object{"total": 1, "successful": 1, "failed": 0},
		"cluster_name": "gatewatch",
		"nodes": object{"gatewatch": object{
			"name": "gatewatch", "version": c.cfg.ElasticVersion, "roles": []string{"data", "ingest"},
			"http": object{"publish_address": c.r.Host},
		}},
	}
}

// checkIndex tells whether a name may be that of an index, by the rules of
// Elasticsearch.
func checkIndex(name string) error {
	switch {
	case name == "" || len(name) > 255:
		return fmt.Errorf("index name has %d bytes, not 1 to 255", len(name))
	case name == "." || name == "..", strings.ContainsAny(name[:1], "-_+"):
		return fmt.Errorf("index name %q begins badly", name)
	}
	for i, r := range name {
		if r <= ' ' || r == 0x7f || r == '\uFFFD' || strings.ContainsRune(`\/*?"<>|,#:`, r) || 'A' <= r && r <= 'Z' {
			return fmt.Errorf("index name %q has %q at byte %d", name, r, i)
		}
	}
	return nil
}
