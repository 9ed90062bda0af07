package store

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
)

// texts remembers what statements with named parameters look like with numbered
// ones: to read a text anew for each execution takes as long as to send it. The
// zero value is ready.
type texts struct {
	known sync.Map // text -> numbered
	count atomic.Int64
}

type numbered struct {
	sql   string
	names []string
}

// maxTexts bounds what is remembered, in case somebody composes texts.
const maxTexts = 1000

// positional gives the text with numbered parameters, and their values. A name
// that has no value is NULL, as it is with pgx.NamedArgs.
func (t *texts) positional(ctx context.Context, text string, named map[string]any) (string, []any, error) {
	known, _ := t.known.Load(text)
	n, ok := known.(numbered)
	if !ok {
		var err error
		if n, err = number(ctx, text); err != nil {
			return "", nil, err
		}
		if t.count.Load() < maxTexts {
			if _, again := t.known.LoadOrStore(text, n); !again {
				t.count.Add(1)
			}
		}
	}
	values := make([]any, len(n.names))
	for i, name := range n.names {
		values[i] = named[name]
	}
	return n.sql, values, nil
}

// number lets pgx replace the names, which it does not tell.
func number(ctx context.Context, text string) (numbered, error) {
	names := pgx.NamedArgs{}
	for _, word := range identifiers(text) {
		names[word] = word
	}
	sql, values, err := names.RewriteQuery(ctx, nil, text, nil)
	if err != nil {
		return numbered{}, fmt.Errorf("store: named parameters: %w", err)
	}
	n := numbered{sql: sql, names: make([]string, len(values))}
	for i, v := range values {
		name, ok := v.(string)
		if !ok {
			return numbered{}, fmt.Errorf("store: parameter $%d has a name that is no word", i+1)
		}
		n.names[i] = name
	}
	return n, nil
}

// identifiers lists all that may be the name of a parameter: each word behind
// an @, also those in comments and literals that pgx will pass over.
func identifiers(text string) (words []string) {
	for i := 0; i < len(text); i++ {
		if text[i] != '@' {
			continue
		}
		end := i + 1
		for end < len(text) && wordByte(text[end]) {
			end++
		}
		words = append(words, text[i+1:end])
		i = end - 1
	}
	return words
}

func wordByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
