package auth

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/store"
	"quad/models"
)

// wrongCode is six digits that are not the code.
func wrongCode(code string) string {
	if code == "000000" {
		return "000001"
	}
	return "000000"
}

func TestALivingCodeIsSentAgain(t *testing.T) {
	f := newFixture(t)
	first, err := f.IssueCode(f.ctx, models.CodeRegistration, "Anu@Mail.test ")
	require.NoError(t, err)
	require.Equal(t, 1, first.Sent)
	code, err := f.Code(f.ctx, first.ID)
	require.NoError(t, err)
	require.Regexp(t, `^\d{6}$`, code)

	again, err := f.IssueCode(f.ctx, models.CodeRegistration, "anu@mail.test")
	require.NoError(t, err)
	require.Equal(t, IssuedCode{ID: first.ID, Sent: 2}, again)
	same, err := f.Code(f.ctx, again.ID)
	require.NoError(t, err)
	require.Equal(t, code, same)

	other, err := f.IssueCode(f.ctx, models.CodePasswordReset, "anu@mail.test")
	require.NoError(t, err)
	require.NotEqual(t, first.ID, other.ID, "another purpose, another code")
	_, err = f.Code(f.otherCtx, first.ID)
	require.ErrorIs(t, err, models.ErrNotFound, "another account")
	_, err = f.CheckCode(f.otherCtx, models.CodeRegistration, "anu@mail.test", code)
	require.ErrorIs(t, err, ErrCodeWrong, "another account")

	var stored models.OneTimeCode
	require.NoError(t, f.db.Query(f.ctx, &stored, `SELECT code FROM one_time_codes WHERE id = @id AND account_id = @account_id`, store.Args{"id": first.ID}))
	require.NotContains(t, string(stored.Code), code, "encrypted")
}

func TestACodeWorksOnce(t *testing.T) {
	f := newFixture(t)
	issued, err := f.IssueCode(f.ctx, models.CodeRegistration, "a@b.test")
	require.NoError(t, err)
	code, err := f.Code(f.ctx, issued.ID)
	require.NoError(t, err)
	_, err = f.CheckCode(f.ctx, models.CodePasswordReset, "a@b.test", code)
	require.ErrorIs(t, err, ErrCodeWrong, "another purpose")
	id, err := f.CheckCode(f.ctx, models.CodeRegistration, "A@B.test", " "+code)
	require.NoError(t, err)

	var won atomic.Int64
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if f.SpendCode(f.ctx, id) == nil {
				won.Add(1)
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 1, won.Load())
	_, err = f.CheckCode(f.ctx, models.CodeRegistration, "a@b.test", code)
	require.ErrorIs(t, err, ErrCodeWrong)
	_, err = f.Code(f.ctx, id)
	require.ErrorIs(t, err, models.ErrNotFound, "a used code is mailed to nobody")
	next, err := f.IssueCode(f.ctx, models.CodeRegistration, "a@b.test")
	require.NoError(t, err)
	require.NotEqual(t, id, next.ID)
}

func TestWrongTriesVoidACode(t *testing.T) {
	f := newFixture(t)
	issued, err := f.IssueCode(f.ctx, models.CodeRegistration, "a@b.test")
	require.NoError(t, err)
	code, err := f.Code(f.ctx, issued.ID)
	require.NoError(t, err)
	for range testConfig.OTPMaxAttempts {
		_, err = f.CheckCode(f.ctx, models.CodeRegistration, "a@b.test", wrongCode(code))
		require.ErrorIs(t, err, ErrCodeWrong)
	}
	_, err = f.CheckCode(f.ctx, models.CodeRegistration, "a@b.test", code)
	require.ErrorIs(t, err, ErrCodeWrong)
	next, err := f.IssueCode(f.ctx, models.CodeRegistration, "a@b.test")
	require.NoError(t, err)
	require.NotEqual(t, issued.ID, next.ID)
}

func TestParallelGuessesCountExactly(t *testing.T) {
	f := newFixture(t)
	issued, err := f.IssueCode(f.ctx, models.CodeRegistration, "a@b.test")
	require.NoError(t, err)
	code, err := f.Code(f.ctx, issued.ID)
	require.NoError(t, err)
	var right atomic.Int64
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if _, err := f.CheckCode(f.ctx, models.CodeRegistration, "a@b.test", code); err == nil {
				right.Add(1)
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, testConfig.OTPMaxAttempts, right.Load(), "no more tries than allowed were compared")
}

func TestParallelRequestsGiveOneCode(t *testing.T) {
	f := newFixture(t)
	var mu sync.Mutex
	ids, sent, limited := map[int64]bool{}, map[int]bool{}, 0
	var wg sync.WaitGroup
	errs := make(chan error, 50)
	for range 50 {
		wg.Go(func() {
			issued, err := f.IssueCode(f.ctx, models.CodeRegistration, "a@b.test")
			mu.Lock()
			defer mu.Unlock()
			switch {
			case errors.Is(err, ErrCodeLimit):
				limited++
			case err != nil:
				errs <- err
			default:
				ids[issued.ID], sent[issued.Sent] = true, true
			}
		})
	}
	wg.Wait()
	close(errs)
	require.NoError(t, <-errs)
	require.Len(t, ids, 1)
	require.Len(t, sent, maxCodeMails, "each mail has a number of its own")
	require.Equal(t, 50-maxCodeMails, limited)
}

func TestAnExpiredCodeIsReplaced(t *testing.T) {
	f := newFixture(t)
	issued, err := f.IssueCode(f.ctx, models.CodeRegistration, "a@b.test")
	require.NoError(t, err)
	code, err := f.Code(f.ctx, issued.ID)
	require.NoError(t, err)
	f.exec(t, `UPDATE one_time_codes SET expires_at = now()`, nil)
	_, err = f.Code(f.ctx, issued.ID)
	require.ErrorIs(t, err, models.ErrNotFound)
	_, err = f.CheckCode(f.ctx, models.CodeRegistration, "a@b.test", code)
	require.ErrorIs(t, err, ErrCodeWrong)
	next, err := f.IssueCode(f.ctx, models.CodeRegistration, "a@b.test")
	require.NoError(t, err)
	require.NotEqual(t, issued.ID, next.ID)
	require.Equal(t, 1, next.Sent)
}

func TestFailedSignInsLock(t *testing.T) {
	f := newFixture(t)
	locked := func(a Attempt) bool {
		is, err := f.Locked(f.ctx, a)
		require.NoError(t, err)
		return is
	}
	a := f.NewAttempt(f.ctx, "A@b.test", "10.0.0.1")
	for range testConfig.LockAfter - 1 {
		require.NoError(t, f.Failed(f.ctx, a))
	}
	require.False(t, locked(a))
	require.NoError(t, f.Succeeded(f.ctx, a))
	for range testConfig.LockAfter - 1 {
		require.NoError(t, f.Failed(f.ctx, a))
	}
	require.False(t, locked(a), "a success forgets the failures")
	require.NoError(t, f.Failed(f.ctx, f.NewAttempt(f.ctx, " a@B.test", "10.0.0.1")))
	require.True(t, locked(a), "the spelling of the login does not matter")
	require.ErrorIs(t, f.Succeeded(f.ctx, a), ErrLocked)
	require.False(t, locked(f.NewAttempt(f.ctx, "a@b.test", "10.0.0.2")), "from another address")
	require.False(t, locked(f.NewAttempt(f.ctx, "c@b.test", "10.0.0.1")), "another login")
	foreign := f.NewAttempt(f.otherCtx, "a@b.test", "10.0.0.1")
	is, err := f.Locked(f.otherCtx, foreign)
	require.NoError(t, err)
	require.False(t, is, "another account")

	require.NoError(t, f.Unlock(f.ctx, a))
	require.False(t, locked(a))
	for range testConfig.LockAfter {
		require.NoError(t, f.Failed(f.ctx, a))
	}
	require.True(t, locked(a))
	f.exec(t, `UPDATE login_failures SET updated_at = updated_at - interval '2 hours', locked_until = locked_until - interval '2 hours'`, nil)
	require.False(t, locked(a), "the lock has run out")
	require.NoError(t, f.Failed(f.ctx, a))
	require.False(t, locked(a), "and counting starts anew")
}

func TestGuessingFromManyAddressesLocksTheLogin(t *testing.T) {
	f := newFixture(t)
	var wg sync.WaitGroup
	errs := make(chan error, loginFactor*testConfig.LockAfter)
	for n := range cap(errs) {
		wg.Go(func() { errs <- f.Failed(f.ctx, f.NewAttempt(f.ctx, "a@b.test", fmt.Sprintf("10.0.0.%d", n))) })
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		require.NoError(t, err)
	}
	locked, err := f.Locked(f.ctx, f.NewAttempt(f.ctx, "a@b.test", "192.168.0.1"))
	require.NoError(t, err)
	require.True(t, locked)
	locked, err = f.Locked(f.ctx, f.NewAttempt(f.ctx, "b@b.test", "10.0.0.1"))
	require.NoError(t, err)
	require.False(t, locked)
}
