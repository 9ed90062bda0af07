package e2e

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/internal/hubtest"
	"quad/internal/inbox"
	"quad/internal/people/rolerequest"
	"quad/internal/store"
	"quad/models"
)

// asked is a request for the role mentor and the mentee who made it.
type asked struct {
	models.RoleRequest
	by hubtest.Person
}

// ask has a new mentee ask for the role mentor.
func (w *world) ask(name string) asked {
	w.t.Helper()
	person := w.NewPerson(0, w.org.ID, name, models.RoleMentee)
	r, err := w.RoleRequests.Ask(w.as(person, models.RoleMentee), rolerequest.Ask{RoleID: w.role(models.RoleMentor)})
	require.NoError(w.t, err)
	return asked{RoleRequest: r, by: person}
}

func (w *world) role(title string) int64 {
	w.t.Helper()
	return int64(w.number(`SELECT id FROM roles WHERE account_id = @account_id AND title = @title`, store.Args{"title": title}))
}

func (w *world) decide(admin hubtest.Person, r asked, status models.RoleRequestStatus) error {
	_, err := w.RoleRequests.Decide(w.as(admin, models.RoleOrgAdmin), rolerequest.Decision{RequestID: r.ID, Status: status})
	return err
}

// status is how the request's row stands.
func (w *world) status(r asked) models.RoleRequestStatus {
	w.t.Helper()
	return models.RoleRequestStatus(w.lines(`SELECT status FROM role_requests WHERE account_id = @account_id AND id = @id`, store.Args{"id": r.ID})[0])
}

// awaitWaiting waits until the request's workflow is there.
func (w *world) awaitWaiting(r asked) {
	w.t.Helper()
	w.await("the process waits for a decision", func() bool { return w.process(r).State == models.ProcessWaiting })
}

func (w *world) process(r asked) (p models.Process) {
	w.t.Helper()
	require.NoError(w.t, w.DB.Conn(w.Context()).Take(&p, *r.ProcessID).Error)
	return p
}

// requireDecided waits for the end of the request and compares everything that
// a decision leaves behind: roles, audit, mails, decisions, process.
func (w *world) requireDecided(r asked, status models.RoleRequestStatus) {
	w.t.Helper()
	w.await("the process ends", func() bool { return w.process(r).State.Final() })
	require.Equal(w.t, status, w.status(r))
	require.Equal(w.t, models.ProcessCompleted, w.process(r).State)
	roles, grants, mail := []string{models.RoleMentee}, 0, "mentor_request_rejected"
	switch status {
	case models.RoleRequestApproved:
		roles, grants, mail = []string{models.RoleMentor}, 1, "mentor_request_accepted"
	case models.RoleRequestExpired:
		mail = "role_request_expired"
	}
	byRequest := store.Args{"id": r.ID, "user": r.by.ID, "process": *r.ProcessID}
	require.Equal(w.t, roles, w.lines(`SELECT r.title FROM user_roles u JOIN roles r ON r.id = u.role_id
		WHERE u.account_id = @account_id AND u.user_id = @user ORDER BY 1`, byRequest))
	require.Equal(w.t, grants, w.number(`SELECT count(*) FROM audit_events
		WHERE account_id = @account_id AND action = 'user.role_granted' AND subject_id = @user`, byRequest))
	require.Len(w.t, w.lines(`SELECT action FROM audit_events WHERE account_id = @account_id AND subject_type = 'role_request' AND subject_id = @id
		AND action IN ('role_request.approved', 'role_request.rejected', 'role_request.expired')`, byRequest), 1)
	require.Equal(w.t, []string{mail}, w.lines(`SELECT template FROM notifications WHERE account_id = @account_id AND process_id = @process`, byRequest))
	require.Zero(w.t, w.number(`SELECT count(*) FROM role_request_decisions WHERE account_id = @account_id AND role_request_id = @id AND state = 'submitted'`, byRequest))
	w.await("the mail is sent", func() bool {
		return w.number(`SELECT count(*) FROM notifications WHERE account_id = @account_id AND process_id = @process AND state = 'sent'`, byRequest) == 1
	})
}

// mails are the mails about a request that the person who asked has got. Each
// is the same one, however often it came.
func (w *world) mails(r asked) int {
	w.t.Helper()
	id := w.lines(`SELECT message_id FROM notifications WHERE account_id = @account_id AND process_id = @process`, store.Args{"process": *r.ProcessID})
	require.Len(w.t, id, 1)
	about := 0
	for _, m := range w.Inbox.Messages(inbox.Filter{To: r.by.Email}) {
		if strings.Contains(messageID(m), id[0]) {
			about++
		} else {
			require.NotContains(w.t, m.Subject, "request", "another mail about the request")
		}
	}
	return about
}

// Role requests with a worker that comes, goes and is killed.
func TestRoleRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	other := w.NewPerson(0, w.org.ID, "second-admin", models.RoleOrgAdmin)
	worker := start(t, w.Env, "worker", nil)

	t.Run("a hundred identical requests are one", func(t *testing.T) {
		w.within(t)
		person := w.NewPerson(0, w.org.ID, "eager", models.RoleMentee)
		ctx, role := w.as(person, models.RoleMentee), w.role(models.RoleMentor)
		var made atomic.Pointer[models.RoleRequest]
		var refused atomic.Int64
		var group sync.WaitGroup
		for range 100 {
			group.Go(func() {
				r, err := w.RoleRequests.Ask(ctx, rolerequest.Ask{RoleID: role})
				switch {
				case err == nil && made.Swap(&r) == nil:
				case errors.Is(err, rolerequest.ErrAlreadyRequested):
					refused.Add(1)
				default:
					t.Errorf("a second request, or the wrong error: %v", err)
				}
			})
		}
		group.Wait()
		require.EqualValues(t, 99, refused.Load())
		r := asked{RoleRequest: *made.Load(), by: person}
		require.Equal(t, 1, w.number(`SELECT count(*) FROM role_requests WHERE account_id = @account_id AND user_id = @user`, store.Args{"user": person.ID}))
		require.Equal(t, 1, w.number(`SELECT count(*) FROM processes WHERE account_id = @account_id AND started_by = @user`, store.Args{"user": person.ID}))
		w.awaitWaiting(r)
		if err := w.decide(other, r, models.RoleRequestApproved); err != nil { // a slow machine; the decision is kept
			require.ErrorIs(t, err, models.ErrUnavailable)
		}
		w.requireDecided(r, models.RoleRequestApproved)
	})

	t.Run("two admins at once", func(t *testing.T) {
		w.within(t)
		const rounds = 12
		for i := range rounds {
			r := w.ask(fmt.Sprintf("contested-%d", i))
			if i%2 == 0 {
				w.awaitWaiting(r) // else the decisions may overtake the start
			}
			statuses := []models.RoleRequestStatus{models.RoleRequestApproved, models.RoleRequestRejected}
			if i%3 == 0 {
				statuses[1] = models.RoleRequestApproved
			}
			var answers [2]error
			var unsure atomic.Bool
			var group sync.WaitGroup
			for j, admin := range []hubtest.Person{w.uploader, other} {
				group.Go(func() {
					// What meets no worker in time is said to be unavailable, and asked again.
					for {
						answers[j] = w.decide(admin, r, statuses[j])
						if !errors.Is(answers[j], models.ErrUnavailable) {
							return
						}
						unsure.Store(true)
					}
				})
			}
			group.Wait()
			// Nobody learns of a success twice; the loser is refused.
			winner := slices.Index(answers[:], nil)
			if winner < 0 { // whose first answer was that the decision is kept
				require.True(t, unsure.Load(), "%v", answers)
				winner = slices.Index(statuses, w.status(r))
			} else {
				require.ErrorIs(t, answers[1-winner], rolerequest.ErrNotDecidable)
			}
			require.GreaterOrEqual(t, winner, 0)
			w.requireDecided(r, statuses[winner])
			require.Equal(t, 1, w.mails(r))
		}
	})

	t.Run("the worker is killed between decisions and their application", func(t *testing.T) {
		w.within(t)
		const requests = 12
		var all []asked
		for i := range requests {
			all = append(all, w.ask(fmt.Sprintf("unlucky-%d", i)))
		}
		for _, r := range all {
			w.awaitWaiting(r)
		}
		var group sync.WaitGroup
		answers := make([]error, requests)
		for i, r := range all {
			group.Go(func() { answers[i] = w.decide(w.uploader, r, models.RoleRequestApproved) })
		}
		decisions := func(state models.DecisionState) int {
			return w.number(`SELECT count(*) FROM role_request_decisions d JOIN role_requests r ON r.id = d.role_request_id
				WHERE d.account_id = @account_id AND d.state = @state AND r.id BETWEEN @from AND @to`,
				store.Args{"state": state, "from": all[0].ID, "to": all[requests-1].ID})
		}
		for _, applied := range []int{1, 6} {
			w.await("decisions are applied", func() bool { return decisions(models.DecisionApplied) >= applied })
			worker.restart()
		}
		group.Wait()
		for i, r := range all {
			if answers[i] != nil {
				require.ErrorIs(t, answers[i], models.ErrUnavailable, "the decision is kept, and the admin is told that it waits")
			}
			w.requireDecided(r, models.RoleRequestApproved)
		}
		again := 0
		for _, r := range all {
			require.Positive(t, w.mails(r))
			again += w.mails(r) - 1
		}
		require.LessOrEqual(t, again, 2*mailsAtOnce)
	})

	t.Run("no worker when it is decided and when it expires", func(t *testing.T) {
		w.within(t)
		decided, late := w.ask("patient"), w.ask("late")
		w.awaitWaiting(decided)
		w.awaitWaiting(late)
		worker.stop()
		require.ErrorIs(t, w.decide(w.uploader, decided, models.RoleRequestApproved), models.ErrUnavailable)
		require.ErrorIs(t, w.decide(w.uploader, decided, models.RoleRequestApproved), models.ErrUnavailable, "the same decision again")
		_, err := w.RoleRequests.MoveDeadline(w.manager(), late.ID, time.Now().Add(time.Second))
		require.NoError(t, err)
		w.await("the request reads as expired", func() bool {
			v, err := w.RoleRequests.Get(w.manager(), late.ID)
			return err == nil && v.Status == models.RoleRequestExpired
		})
		require.ErrorIs(t, w.decide(other, late, models.RoleRequestApproved), rolerequest.ErrNotDecidable)
		require.Equal(t, models.RoleRequested, w.status(decided))
		worker.start()
		w.requireDecided(decided, models.RoleRequestApproved)
		w.requireDecided(late, models.RoleRequestExpired)
		require.ErrorIs(t, w.decide(other, late, models.RoleRequestApproved), rolerequest.ErrNotDecidable)
		require.Equal(t, 1, w.mails(decided))
		require.Equal(t, 1, w.mails(late))
	})
	worker.stop()
}
