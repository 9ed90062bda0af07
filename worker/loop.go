package worker

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"time"
)

// loop is work that is repeated.
type loop struct {
	name  string
	every time.Duration
	do    func(context.Context) error
}

// sayAgain is how often an error that stays is logged.
const sayAgain = time.Minute

// run repeats the work until ctx ends. The time between two turns varies by a
// tenth, so that replicas do not keep step. An error is logged once and then
// once a minute until the work succeeds again.
func (l loop) run(ctx context.Context) {
	var said time.Time
	failing := false
	for {
		err := l.once(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && (!failing || time.Since(said) >= sayAgain):
			slog.WarnContext(ctx, "sweep failed, it is repeated", "sweep", l.name, "error", err)
			said = time.Now()
		case err == nil && failing:
			slog.InfoContext(ctx, "sweep works again", "sweep", l.name)
		}
		failing = err != nil
		if !pause(ctx, l.every*9/10+time.Duration(rand.Int64N(int64(l.every)/5+1))) {
			return
		}
	}
}

// once does the work; a panic in it is an error like any other.
func (l loop) once(ctx context.Context) (err error) {
	defer func() {
		if p := recover(); p != nil {
			slog.ErrorContext(ctx, "sweep panicked", "sweep", l.name, "panic", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return l.do(ctx)
}
