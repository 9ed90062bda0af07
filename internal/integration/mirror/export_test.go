package mirror

// SetRangeRows sets how many rows one digest sums up.
func (e *Engine) SetRangeRows(rows int) { e.rows = rows }
