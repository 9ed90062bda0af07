package enrollment_test

import "quad/internal/store"

var noWindow = store.Window{}
