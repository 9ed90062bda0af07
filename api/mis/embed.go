package mis

import _ "embed"

// Contract is the OpenAPI document of this door, as served at /docs.
//
//go:embed openapi.yaml
var Contract []byte
