package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"quad/internal/auth"
	"quad/internal/certification"
	"quad/internal/store"
	"quad/models"
)

// sweepRounds is how many sweeps are measured for a row, each of other rows.
const sweepRounds = 3

// sweepShare is the part of all certificates that is due in a round: one in so
// many.
const sweepShare = 100

// fewPeople is how many people the account has with whose history that of the
// large sweep is compared.
const fewPeople = 100

// benchSweep sweeps an account in which 1 % of a million certificates is due:
// half of these will be about to expire, half have expired, and of one in twenty
// the learner has to be told. The limit is the bare statement that writes the
// new states of the same rows, in the same table.
func benchSweep(ctx context.Context, s *stack, size sizes) (_ []Row, err error) {
	account, err := s.enabley(ctx, size)
	if err != nil {
		return nil, err
	}
	few, err := s.externalAccount(ctx, "Bench few certificates", fewPeople)
	if err != nil {
		return nil, err
	}
	say("  making %s certificates of people", plain(float64(size.certificates)))
	if err := errors.Join(s.execAll(ctx, certificateData, account.id, size.certificates/account.people), s.execAll(ctx, certificateData, few.id, 1)); err != nil {
		return nil, err
	}
	conn, err := s.connect(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()

	b := &sweepBench{stack: s, conn: conn, account: account.id}
	steps, err := b.rounds(ctx, "certificate sweep, steps", b.sweepBySteps)
	if err != nil {
		return nil, err
	}
	_, stop, err := s.worker(ctx)
	if err != nil {
		return nil, err
	}
	var events int64
	worker, err := b.rounds(ctx, "certificate sweep, worker", func(ctx context.Context, want int64) (took time.Duration, err error) {
		took, events, err = b.sweepByWorker(ctx, want)
		return took, err
	})
	if err != nil {
		return nil, err
	}
	small := &sweepBench{stack: s, conn: conn, account: few.id}
	want, err := small.arm(ctx)
	if err != nil {
		return nil, err
	}
	_, fewEvents, err := small.sweepByWorker(ctx, want)
	if err != nil {
		return nil, err
	}
	history := Row{Name: "certificate sweep, history events", Value: float64(events), Unit: "events",
		Note: fmt.Sprintf("limit: a sweep of %d certificates, %d due", fewPeople, want)}
	history = history.against(float64(fewEvents), []float64{float64(events) / float64(fewEvents)})
	rows := []Row{steps, worker}
	for i := range rows {
		rows[i].Note = fmt.Sprintf("%s certificates, 1 %% due; limit: the bare UPDATE … RETURNING", plain(float64(size.certificates)))
		rows[i] = rows[i].judge(under(10), ratioUnder(3))
	}
	return append(rows, history.judge(ratioAtMost(1))), stop()
}

// sweepBench sweeps the certificates of an account again and again.
type sweepBench struct {
	*stack
	conn    *pgx.Conn
	account int64
	armed   int // how many parts have been due so far
}

// rounds times sweeps and, each time, the bare statement on the same rows.
func (b *sweepBench) rounds(ctx context.Context, name string, sweep func(ctx context.Context, want int64) (time.Duration, error)) (Row, error) {
	var values, limits, ratios []float64
	for round := range sweepRounds {
		want, err := b.arm(ctx)
		if err != nil {
			return Row{}, err
		}
		bare, err := b.update(ctx, want)
		if err != nil {
			return Row{}, err
		}
		b.armed-- // the same rows again
		if _, err := b.arm(ctx); err != nil {
			return Row{}, err
		}
		took, err := sweep(ctx, want)
		if err != nil {
			return Row{}, err
		}
		if err := b.swept(ctx, want); err != nil {
			return Row{}, err
		}
		values, limits, ratios = append(values, took.Seconds()), append(limits, bare.Seconds()), append(ratios, took.Seconds()/bare.Seconds())
		say("  %s, round %d: %.2f s, bare %.2f s, ratio %.2f, %s due", name, round+1, took.Seconds(), bare.Seconds(), ratios[round], plain(float64(want)))
	}
	return Row{Name: name, Value: median(values), Unit: "s"}.against(median(limits), ratios), nil
}

// arm makes the next part of the certificates due: every hundredth, all over
// the table. One half was certified so long ago that it is about to expire since
// yesterday, the other was about to and has expired an hour ago. It gives their
// number.
func (b *sweepBench) arm(ctx context.Context) (int64, error) {
	tag, err := b.conn.Exec(ctx, `UPDATE user_certificates l SET state = a.state, certified_at = a.certified_at, earned_since = a.certified_at,
			expires_at = a.expires_at, warns_at = a.warns_at, due_at = a.due_at
		FROM (SELECT id, state, certified_at, e.at AS expires_at, w.at AS warns_at, CASE state WHEN 'CERTIFIED' THEN w.at ELSE e.at END AS due_at
			FROM (SELECT id, CASE WHEN id / $2 % 2 = 0 THEN 'CERTIFIED' ELSE 'ABOUT_TO_EXPIRE' END AS state,
					now() - interval '1 year' + CASE WHEN id / $2 % 2 = 0 THEN interval '29 days' ELSE interval '-1 hour' END AS certified_at
				FROM user_certificates WHERE account_id = $1 AND id % $2 = $3) part,
				LATERAL (SELECT certificate_expiry(certified_at, 1, 'YEAR') AS at) e, LATERAL (SELECT certificate_warning(certified_at, e.at) AS at) w) a
		WHERE l.id = a.id`, b.account, int64(sweepShare), int64(b.armed))
	if err != nil {
		return 0, fmt.Errorf("make certificates due: %w", err)
	}
	b.armed++
	if tag.RowsAffected() == 0 {
		return 0, errors.New("no certificate is due")
	}
	if _, err := b.conn.Exec(ctx, "VACUUM user_certificates"); err != nil {
		return 0, err
	}
	return tag.RowsAffected(), settle(ctx, b.conn)
}

// update times the limit: one statement that writes what time has made of the
// states, and gives the rows back.
func (b *sweepBench) update(ctx context.Context, want int64) (time.Duration, error) {
	begin := time.Now()
	rows, err := b.conn.Query(ctx, `UPDATE user_certificates SET state = certificate_state(state, warns_at, expires_at, now()), updated_at = now(),
			due_at = CASE certificate_state(state, warns_at, expires_at, now()) WHEN 'ABOUT_TO_EXPIRE' THEN expires_at END
		WHERE account_id = $1 AND due_at <= now() RETURNING id, user_id, certificate_id, state`, b.account)
	if err != nil {
		return 0, err
	}
	rows.Close()
	took := time.Since(begin)
	if err := rows.Err(); err != nil {
		return 0, err
	}
	if got := rows.CommandTag().RowsAffected(); got != want {
		return 0, fmt.Errorf("the bare statement found %d certificates due instead of %d", got, want)
	}
	return took, nil
}

// asAdmin is the context of an admin of the account.
func (b *sweepBench) asAdmin(ctx context.Context) context.Context {
	return auth.WithPrincipal(ctx, auth.Principal{AccountID: b.account, ClientID: 1, Door: "bench", Roles: []string{models.RoleAdmin}})
}

// start asks for a sweep.
func (b *sweepBench) start(ctx context.Context) (models.Process, error) {
	return b.hub.Processes.Start(b.asAdmin(ctx), models.ProcessCertificateExpiry, json.RawMessage(`{}`), "")
}

// sweepBySteps does what the workflow does.
func (b *sweepBench) sweepBySteps(ctx context.Context, want int64) (time.Duration, error) {
	p, err := b.start(ctx)
	if err != nil {
		return 0, err
	}
	if p, err = b.hub.Processes.Get(b.asAdmin(ctx), p.ID); err != nil {
		return 0, err
	}
	if err := b.takeOver(ctx, p); err != nil {
		return 0, err
	}
	in := models.ProcessInput{AccountID: b.account, ProcessID: p.ID, SubjectID: p.SubjectID, Attempt: p.Attempt}
	ctx = store.WithAccount(ctx, b.account)
	begin := time.Now()
	swept, err := b.hub.Certificates.Sweep(ctx, in, func() bool { return false }, func(certification.Swept) {})
	if err == nil {
		err = b.hub.Certificates.Finish(ctx, in, certification.Ending{})
	}
	took := time.Since(begin)
	if err == nil && (swept.Done != want || swept.More || swept.Cancelled) {
		err = fmt.Errorf("the sweep did %d of %d certificates", swept.Done, want)
	}
	return took, err
}

// sweepByWorker leaves it to the worker, and gives the events of the workflow's
// history too.
func (b *sweepBench) sweepByWorker(ctx context.Context, want int64) (took time.Duration, events int64, err error) {
	p, err := b.start(ctx)
	if err != nil {
		return 0, 0, err
	}
	if p, err = b.awaitEnd(ctx, b.asAdmin(ctx), p.ID); err != nil {
		return 0, 0, err
	}
	if p.Done != want {
		return 0, 0, fmt.Errorf("the sweep did %d of %d certificates", p.Done, want)
	}
	events, err = b.historyLength(ctx, p)
	return p.EndedAt.Sub(p.CreatedAt), events, err
}

// swept makes sure that the work was really done: nothing is due, and each
// certificate has a transition of the last sweep.
func (b *sweepBench) swept(ctx context.Context, want int64) error {
	var due, moves int64
	err := b.conn.QueryRow(ctx, `SELECT (SELECT count(*) FROM user_certificates WHERE account_id = $1 AND due_at <= now()),
		(SELECT count(*) FROM certificate_transitions WHERE process_id = (SELECT max(id) FROM processes WHERE account_id = $1))`, b.account).Scan(&due, &moves)
	if err == nil && (due != 0 || moves != want) {
		err = fmt.Errorf("after the sweep %d certificates are due, and %d of %d have a transition", due, moves, want)
	}
	return err
}
