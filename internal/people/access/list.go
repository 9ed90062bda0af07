package access

import (
	"context"
	"fmt"
	"strings"

	"quad/internal/store"
)

// Page says which part of a list is asked for, and what its rows are called:
// Search is a part of the title or code, in any case.
type Page struct {
	Number int // from 1; less is 1
	Limit  int // 1 to 100; anything else is 100
	Search string
}

// args are the parameters of a list's statements. ok is false when the search
// can match nothing.
func (p Page) args() (args store.Args, ok bool) {
	p.Number = max(p.Number, 1)
	p.Limit = store.PageSize(p.Limit)
	search := strings.TrimSpace(p.Search)
	args = store.Args{"search": "", "limit": p.Limit, "offset": int64(p.Number-1) * int64(p.Limit)}
	if search != "" {
		args["search"] = "%" + store.EscapeLike(search) + "%"
	}
	return args, store.Storable(search)
}

// list gives a page of a table and how many rows there are before paging.
// Where and order are SQL; what is deleted is left out.
func list[T any](ctx context.Context, db *store.DB, table, where, order string, args store.Args) (page []T, count int64, err error) {
	from := ` FROM ` + table + ` WHERE account_id = @account_id AND deleted_at IS NULL AND ` + where
	if err := db.Query(ctx, &count, `SELECT count(*)`+from, args); err != nil {
		return nil, 0, fmt.Errorf("access: list %s: %w", table, err)
	}
	if offset, _ := args["offset"].(int64); offset >= count {
		return nil, count, nil
	}
	if err := db.Query(ctx, &page, `SELECT *`+from+` ORDER BY `+order+` LIMIT @limit OFFSET @offset`, args); err != nil {
		return nil, 0, fmt.Errorf("access: list %s: %w", table, err)
	}
	return page, count, nil
}
