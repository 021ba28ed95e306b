package main

// fixedSchemas are the parts of the JSON that are not as proto has them.
var fixedSchemas = object{
	"Event": object{
		"type":                 "object",
		"description":          "A stored event: a flat object with dotted ECS names. Text that is not UTF-8 has U+FFFD in it; where event.original has, gatewatch.original_base64 is the exact bytes.",
		"additionalProperties": ref("Value"),
		"required":             []string{"@timestamp"},
		"properties": object{
			"@timestamp":     object{"type": "string", "format": "date-time"},
			"event.id":       object{"type": "string"},
			"event.dataset":  object{"type": "string"},
			"event.original": object{"type": "string"},
		},
		"examples": []object{{
			"@timestamp":                "2026-01-31T12:00:00.125Z",
			"event.id":                  "6Yd0…-42",
			"event.dataset":             "nginx.access",
			"source.ip":                 "203.0.113.7",
			"url.path":                  "/login",
			"http.response.status_code": 403,
			"rule.id":                   []string{"942100"},
		}},
	},
	"Value": object{
		"description": "A value as plain JSON. Times are RFC 3339 in UTC, addresses are text in the form of RFC 5952, a field with several values is an array.",
		"type":        []string{"string", "number", "boolean", "array", "null"},
		"items":       object{"type": []string{"string", "number", "boolean", "null"}},
	},
	"Row": object{
		"description": "One row of a table, a value a column.",
		"type":        "array",
		"items":       ref("Value"),
	},
	"HTTPRequest": object{
		"description": "A request of a corpus: what a client sent, with credentials masked. The body is text, or base64 where body_b64 is true.",
		"type":        "object",
		"required":    []string{"id", "method", "uri", "headers"},
		"properties": object{
			"id":       object{"type": "string"},
			"site":     object{"type": "string"},
			"method":   object{"type": "string"},
			"uri":      object{"type": "string", "description": "As the client wrote it."},
			"proto":    object{"type": "string"},
			"headers":  object{"type": "array", "items": ref("HTTPHeader")},
			"body":     object{"type": "string"},
			"body_b64": object{"type": "boolean"},
		},
	},
	"ChartOption": object{
		"description":          "What setOption of Apache ECharts takes: no function and no template is in it. A map of the name land is registered by who draws.",
		"type":                 "object",
		"additionalProperties": true,
	},
	"HTTPHeader": object{
		"description": "Name and value of one line of a header.",
		"type":        "array",
		"items":       object{"type": "string"},
		"minItems":    2,
		"maxItems":    2,
	},
	"Problem": object{
		"description": "Problem details of RFC 9457.",
		"type":        "object",
		"required":    []string{"type", "title", "status"},
		"properties": object{
			"type":   object{"type": "string", "format": "uri-reference", "description": "about:blank, or urn:gatewatch:problem:query for a mistake in a query."},
			"title":  object{"type": "string"},
			"status": object{"type": "integer"},
			"detail": object{"type": "string"},
			"field":  object{"type": "string", "description": "Part of the request that is wrong."},
			"column": object{"type": "integer", "minimum": 1, "description": "Character of the query at which it is wrong."},
		},
	},
}

// fixedPaths are the paths that are no methods of a service.
var fixedPaths = object{
	"/healthz": object{"get": plain("Healthz", "Tells that the process is alive.", "text/plain", "503")},
	"/readyz":  object{"get": plain("Readyz", "Tells whether all parts of the process are up.", "text/plain", "503")},
	"/metrics": object{"get": object{
		"operationId": "Metrics",
		"description": "Metrics in the format of Prometheus. From this machine no token is needed.",
		"security":    []object{{"bearer": []string{}}, {}},
		"responses":   object{"200": object{"description": "The metrics.", "content": content("text/plain", object{"type": "string"})}},
	}},
	"/api/openapi.json": object{"get": plain("OpenAPI", "This document.", "application/json", "")},
}

func plain(id, description, kind, failure string) object {
	responses := object{"200": object{"description": description, "content": content(kind, object{})}}
	if failure != "" {
		responses[failure] = object{"description": "It is not.", "content": content("application/problem+json", ref("Problem"))}
	}
	return object{"operationId": id, "description": description, "security": []object{{}}, "responses": responses}
}

// files are the types of what methods answer with that send a file.
var files = map[string][]string{
	"CreateWAFReport": {"text/html", "text/csv", "application/json"},
	"Export":          {"application/x-ndjson", "text/csv"},
}

// examples are requests by the name of their method.
var examples = object{
	"Search":      object{"query": "source.ip: 203.0.113.0/24 and http.response.status_code >= 400", "from": "now-1h", "page_size": 100},
	"Aggregate":   object{"query": "waf.decision: block | stats n = count() by source.ip | sort n desc | limit 20", "from": "now-1d"},
	"Tail":        object{"query": "event.dataset: coraza.waf"},
	"CreateToken": object{"kind": "TOKEN_KIND_SOURCE", "name": "edge-1"},
	"Ingest":      object{"source": "edge-1", "format": "nginx.access", "records": []object{{"raw": "Li4u"}}},
}
