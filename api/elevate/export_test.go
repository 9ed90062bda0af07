package elevate

import "quad/internal/httpx"

// Table is the door's table, for tests.
func Table() []httpx.Operation { return (&door{}).operations() }
