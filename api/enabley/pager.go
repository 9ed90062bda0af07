package enabley

import (
	"context"
	"time"

	"github.com/gofiber/fiber/v2"

	"quad/api/enabley/wire"
	"quad/internal/httpx"
	"quad/internal/store"
)

const (
	// pageSize is what a page holds at most.
	pageSize = 200
	// keyLife is how long a page key works.
	keyLife = 24 * time.Hour
)

// pageKey is what a page key holds: where the page begins, and all that the
// first call has fixed.
type pageKey struct {
	Filters map[string]string `json:"f,omitempty"`
	Page    int               `json:"p"`
	Pages   int64             `json:"n"`
	After   store.Place       `json:"a"`
	Until   store.Place       `json:"u"`
	Made    int64             `json:"m"` // Unix seconds
}

// list is a list that this door serves page by page.
type list[T, Row, W any] struct {
	// filters names the query parameters that a key remembers.
	filters []string
	// count gives the number of rows and the place of the last one; check what
	// the request names there too, since it comes first.
	count func(context.Context, T) (int64, store.Place, error)
	rows  func(context.Context, T, store.Window) ([]Row, error)
	place func(Row) store.Place
	one   func(Row) W
}

// paged makes a Fiber handler of a list. The first call counts and fixes the
// last row; each key then goes on behind the last row of its page, so that a
// page costs the same however far in the list it is, nothing shifts and no row
// comes twice, and the same key gives the same page.
func paged[T, Row, W any, R request[T]](d *door, l list[T, Row, W]) fiber.Handler {
	return func(c *fiber.Ctx) error {
		key, err := d.pageKey(c, l.filters)
		if err != nil {
			return err
		}
		var kept map[string]string
		if key != nil {
			kept = key.Filters
		}
		req, err := read[T, R](c, kept)
		if err != nil {
			return err
		}
		if key == nil {
			if key, err = firstPage(c, d, l, req); err != nil {
				return err
			}
		}
		return servePage(c, d, l, req, *key)
	}
}

// firstPage fixes what all pages have in common.
func firstPage[T, Row, W any](c *fiber.Ctx, d *door, l list[T, Row, W], req T) (*pageKey, error) {
	count, last, err := l.count(c.UserContext(), req)
	if err != nil {
		return nil, err
	}
	return &pageKey{
		Filters: sentFilters(c, l.filters), Page: 1, Pages: max((count+pageSize-1)/pageSize, 1), Until: last, Made: d.Clock().Unix(),
	}, nil
}

func servePage[T, Row, W any](c *fiber.Ctx, d *door, l list[T, Row, W], req T, key pageKey) error {
	out := wire.Page[W]{CurrentPage: key.Page, PageSize: pageSize, TotalPages: key.Pages, Items: []W{}}
	if key.Until.ID != 0 {
		window := store.Window{Until: &key.Until, Limit: pageSize + 1}
		if key.Page > 1 {
			window.After = &key.After
		}
		rows, err := l.rows(c.UserContext(), req, window)
		if err != nil {
			return err
		}
		if len(rows) > pageSize {
			rows = rows[:pageSize]
			key.Page++
			key.After = l.place(rows[pageSize-1])
			next, err := d.keys.Encode(keyScope(c), key)
			if err != nil {
				return err
			}
			out.PaginationKey = &next
		}
		out.Items = all(rows, l.one)
	}
	return send(c, reply{body: out})
}

// pageKey reads the key of the request; nil on the first call. Errors: errKey
// for one that does not work here, errFilter.
func (d *door) pageKey(c *fiber.Ctx, filters []string) (*pageKey, error) {
	text := httpx.Query(c, "paginationKey")
	if text == "" {
		return nil, nil //nolint:nilnil // the first call has none
	}
	var key pageKey
	if err := d.keys.Decode(keyScope(c), text, &key); err != nil {
		return nil, errKey.With(err)
	}
	if d.Clock().Sub(time.Unix(key.Made, 0)) > keyLife {
		return nil, errKey
	}
	for _, name := range filters {
		// A switch that is off is as good as none.
		if value, kept := httpx.Query(c, name), key.Filters[name]; value != "" && value != kept && (value != "false" || kept != "") {
			return nil, errFilter
		}
	}
	return &key, nil
}

// keyScope is what a key is bound to: account and operation.
func keyScope(c *fiber.Ctx) httpx.CursorScope {
	account, _ := store.AccountID(c.UserContext())
	op, _ := httpx.OperationOf(c)
	return httpx.CursorScope{Account: account, Operation: op.ID}
}

// sentFilters gives the filters of the query. One that is empty is as good as
// none.
func sentFilters(c *fiber.Ctx, names []string) map[string]string {
	sent := map[string]string{}
	for _, name := range names {
		if value := httpx.Query(c, name); value != "" {
			sent[name] = value
		}
	}
	return sent
}
