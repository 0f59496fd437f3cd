package file

import (
	"bytes"
	_ "embed"
)

//go:embed larder.schema.json
var schema []byte

// Schema returns the JSON Schema of the format, of draft-07, which is what editors
// read. It is less strict than [Parse]: it knows one field, not what fields say of
// each other, such as whether a profile is there. The bytes are the caller's.
func Schema() []byte { return bytes.Clone(schema) }
