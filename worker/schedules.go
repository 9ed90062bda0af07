package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"quad/models"
	"quad/workflows"
)

// schedule is periodic work, started by Temporal. A turn that still runs when
// the next one is due lets the next one be skipped.
type schedule struct {
	id       string // of the schedule; its workflows are named after it
	workflow string // type
	queue    string
	every    time.Duration
	note     string // for operators
}

// schedules are the periodic work of the hub. Nothing that people read depends
// on when they run.
var schedules = []schedule{
	{
		id: "invite-lapse", workflow: workflows.TypeInviteLapse, queue: models.QueueBulk, every: time.Hour,
		note: "closes the invitations of all accounts that are past their end",
	},
	{
		id: "certificate-sweep", workflow: workflows.TypeCertificateSweep, queue: models.QueueBulk, every: time.Hour,
		note: "writes down what time has done to certificates, and reminds of required ones",
	},
	{
		id: "report-sweep", workflow: workflows.TypeReportSweep, queue: models.QueueBulk, every: time.Minute,
		note: "starts the reports of schedules, ends late ones and removes old ones",
	},
	{
		id: "sync-sweep", workflow: workflows.TypeSyncSweep, queue: models.QueueBulk, every: time.Minute,
		note: "starts the synchronisations that the schedules of connections ask for",
	},
}

// ensureSchedules makes the schedules, or brings those that exist to what this
// version of the hub wants. Whether one is paused is up to the operators.
func (w *worker) ensureSchedules(ctx context.Context) error {
	for _, s := range schedules {
		if err := s.ensure(ctx, w.hub.Temporal.ScheduleClient()); err != nil {
			return fmt.Errorf("schedule %s: %w", s.id, err)
		}
	}
	return nil
}

func (s schedule) ensure(ctx context.Context, c client.ScheduleClient) error {
	_, err := c.Create(ctx, client.ScheduleOptions{
		ID: s.id, Spec: s.spec(), Action: s.action(), Overlap: enums.SCHEDULE_OVERLAP_POLICY_SKIP, CatchupWindow: s.every, Note: s.note,
	})
	if err == nil || !errors.Is(err, temporal.ErrScheduleAlreadyRunning) {
		return err
	}
	return c.GetHandle(ctx, s.id).Update(ctx, client.ScheduleUpdateOptions{
		DoUpdate: func(in client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
			now := in.Description.Schedule
			spec := s.spec()
			now.Spec, now.Action = &spec, s.action()
			if now.Policy == nil {
				now.Policy = &client.SchedulePolicies{}
			}
			now.Policy.Overlap, now.Policy.CatchupWindow = enums.SCHEDULE_OVERLAP_POLICY_SKIP, s.every
			return &client.ScheduleUpdate{Schedule: &now}, nil
		},
	})
}

// spec spreads the starts, so that not everything is due on the full hour.
func (s schedule) spec() client.ScheduleSpec {
	return client.ScheduleSpec{Intervals: []client.ScheduleIntervalSpec{{Every: s.every}}, Jitter: s.every / 20}
}

func (s schedule) action() *client.ScheduleWorkflowAction {
	return &client.ScheduleWorkflowAction{ID: s.id, Workflow: s.workflow, TaskQueue: s.queue}
}
