// Package proto holds the OpenAPI document of the REST interface, generated
// from the services in gatewatch/v1.
package proto

import _ "embed" // for OpenAPI

// OpenAPI is the document as JSON.
//
//go:embed openapi.json
var OpenAPI []byte
