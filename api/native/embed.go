package native

import _ "embed"

// Contract is the OpenAPI document of this door.
//
//go:embed openapi.yaml
var Contract []byte
