package store

import "time"

// Place is where a row stands in a list that is ordered by creation: the time,
// then the id. It may be kept by clients (in a cursor), so its JSON is short.
type Place struct {
	At time.Time `json:"t"`
	ID int64     `json:"i"`
}

// Window is a part of a list that is ordered by creation. Its rows are those
// behind After, up to and including Until. The zero Window is the whole list.
type Window struct {
	After *Place // nil: from the start
	Until *Place // nil: to the end, as far as it goes now
	Limit int    // 0: all
}

// Args adds the parameters of Condition and Order to those of a statement.
func (w Window) Args(args Args) Args {
	if args == nil {
		args = Args{}
	}
	for name, place := range map[string]*Place{"after": w.After, "until": w.Until} {
		args[name+"_at"], args[name+"_id"] = nil, nil
		if place != nil {
			args[name+"_at"], args[name+"_id"] = place.At, place.ID
		}
	}
	args["window_limit"] = nil
	if w.Limit > 0 {
		args["window_limit"] = w.Limit
	}
	return args
}

// Condition is what holds for the rows of the window, in SQL: an index on
// (created_at, id) finds the first of them, however far in the list it is.
// alias names the table. The text depends on which ends the window has.
func (w Window) Condition(alias string) string {
	row := "(" + alias + ".created_at, " + alias + ".id)"
	text := "true"
	if w.After != nil {
		text += " AND " + row + " > (CAST(@after_at AS timestamptz), CAST(@after_id AS bigint))"
	}
	if w.Until != nil {
		text += " AND " + row + " <= (CAST(@until_at AS timestamptz), CAST(@until_id AS bigint))"
	}
	return text
}

// Order is the window's order and size, in SQL.
func (w Window) Order(alias string) string {
	return " ORDER BY " + alias + ".created_at, " + alias + ".id LIMIT CAST(@window_limit AS bigint)"
}
