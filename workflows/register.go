package workflows

import (
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"quad/models"
)

// definition is a workflow function and the queue it runs on.
type definition struct {
	name  string
	queue string
	run   any
}

// definitions lists all workflows: those of the processes, whose type and queue
// are in models.ProcessSpecs, and those that a schedule starts.
var definitions = []definition{
	of(models.ProcessOrgRoleRequest, OrgRoleRequest),
	of(models.ProcessBulkInvite, BulkInvite),
	ofSubject(models.ProcessBulkInvite, models.SubjectOrgUpload, OrgUpload),
	of(models.ProcessCertificateExpiry, CertificateExpiry),
	of(models.ProcessReportGeneration, ReportGeneration),
	of(models.ProcessLMSSync, LMSSync),
	{name: TypeInviteLapse, queue: models.QueueBulk, run: InviteLapse},
	{name: TypeCertificateSweep, queue: models.QueueBulk, run: CertificateSweep},
	{name: TypeReportSweep, queue: models.QueueBulk, run: ReportSweep},
	{name: TypeSyncSweep, queue: models.QueueBulk, run: SyncSweep},
}

// Register registers the workflows of a task queue with its worker. Replay
// tests register the same list.
func Register(r worker.WorkflowRegistry, queue string) {
	for _, d := range definitions {
		if d.queue == queue {
			r.RegisterWorkflowWithOptions(d.run, workflow.RegisterOptions{Name: d.name})
		}
	}
}

// of makes the definition of a process's workflow.
func of(kind models.ProcessKind, run any) definition { return ofSubject(kind, "", run) }

// ofSubject is of for the processes that are about one type of subject.
func ofSubject(kind models.ProcessKind, subjectType string, run any) definition {
	spec, ok := kind.Spec(subjectType)
	if !ok || spec.SubjectType != subjectType {
		panic("workflows: no such kind of process: " + string(kind) + " " + subjectType) // a mistake in the table above
	}
	return definition{name: spec.WorkflowType, queue: spec.TaskQueue, run: run}
}
