package invite

import (
	"context"
	"maps"
	"sync"

	"quad/internal/process"
	"quad/internal/store"
	"quad/models"
)

// importRun is one call of ImportPages: what its page writers share.
type importRun struct {
	s         *Service
	in        models.ProcessInput
	file      models.InviteFile
	stop      func() bool
	heartbeat func(Imported)

	mu        sync.Mutex // held from a page's progress to its commit, so that the process's figures only grow
	tally     tally      // of committed pages
	cancelled bool
}

// write writes pages until there are no more or it is enough.
func (r *importRun) write(ctx context.Context, pages <-chan *page) error {
	w := pageWriter{s: r.s, run: r, in: r.in, file: r.file}
	for p := range pages {
		if err := w.write(ctx, p); err != nil {
			return err
		}
		if r.told() {
			return nil
		}
	}
	return nil
}

// told tells how far the run is and whether that is enough.
func (r *importRun) told() (enough bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := r.tally.imported(r.file)
	out.Cancelled = r.cancelled
	r.heartbeat(out)
	return r.cancelled || (out.More && r.stop())
}

// report is what a page adds to the tally.
type report struct {
	run       *importRun
	done      int64
	verdicts  map[Verdict]int64
	locked    bool
	cancelled bool
}

func (r *importRun) newReport() *report {
	return &report{run: r, verdicts: map[Verdict]int64{}}
}

// send reports the progress of the process as it will be when the page's
// transaction commits. From here on no other page of the run commits until
// close.
func (r *report) send(ctx context.Context, tx *store.BulkTx) (err error) {
	r.run.mu.Lock()
	r.locked = true
	next := r.next()
	r.cancelled, err = r.run.s.processes.Progress(ctx, tx, r.run.in.ProcessID, process.Progress{
		Done: next.done, Total: r.run.file.Rows, Stage: StageImport, Counters: next.counters(),
	})
	return err
}

// next is the tally with the page in it.
func (r *report) next() tally {
	t := tally{done: r.run.tally.done + r.done, verdicts: maps.Clone(r.run.tally.verdicts)}
	for v, n := range r.verdicts {
		t.verdicts[v] += n
	}
	return t
}

// committed adds the page to the tally. A page that was not sent, because
// another worker had it, adds nothing.
func (r *report) committed() {
	if r.locked {
		r.run.tally = r.next()
		r.run.cancelled = r.run.cancelled || r.cancelled
	}
}

// close lets other pages commit.
func (r *report) close() {
	if r.locked {
		r.run.mu.Unlock()
	}
}
