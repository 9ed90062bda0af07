package process

import (
	"context"
	"fmt"

	"quad/internal/auth"
	"quad/internal/store"
	"quad/models"
)

// channel is the PostgreSQL notification channel that wakes event streams. Its
// payload is the id of the process.
const channel = "quad_process_events"

type event struct {
	process  int64
	typ      string
	from, to *models.ProcessState
	message  string
	data     any
}

const insertEvent = `
WITH e AS (
    INSERT INTO process_events (account_id, process_id, type, from_state, to_state, message, data, actor_id)
    VALUES (@account_id, @process, @type, @from, @to, @message, @data, @actor)
    RETURNING process_id)
SELECT pg_notify('quad_process_events', process_id::text) FROM e`

// addEvent writes a line of the timeline. The caller's transaction holds the
// lock of the process row.
func (s *Service) addEvent(ctx context.Context, e event) error {
	data, err := toJSON(e.data)
	if err != nil {
		return err
	}
	_, err = s.db.Exec(ctx, insertEvent, store.Args{
		"process": e.process, "type": e.typ, "from": e.from, "to": e.to, "message": e.message, "data": data, "actor": auth.Actor(ctx),
	})
	return err
}

// Note adds a line to the timeline without a change of state. typ is a short
// stable word ("reminder", "decision"); data is encoded as JSON and may be nil.
func (s *Service) Note(ctx context.Context, id int64, typ, message string, data any) error {
	err := s.db.InTx(ctx, func(ctx context.Context) error {
		if _, err := s.lock(ctx, id); err != nil {
			return err
		}
		return s.addEvent(ctx, event{process: id, typ: typ, message: message, data: data})
	})
	if err != nil {
		return fmt.Errorf("process: note %d: %w", id, err)
	}
	return nil
}

// lock reads the process row and keeps others from changing it until the end
// of the transaction.
func (s *Service) lock(ctx context.Context, id int64) (models.Process, error) {
	var p models.Process
	err := s.db.Query(ctx, &p, `SELECT * FROM processes WHERE account_id = @account_id AND id = @id FOR UPDATE`, store.Args{"id": id})
	if err == nil && p.ID == 0 {
		err = models.ErrNotFound
	}
	return p, err
}
