package main

import (
	"context"
	"errors"
	"time"

	"quad/internal/learning/figures"
	"quad/internal/reporting"
	"quad/models"
)

// reportFigures are the figures of a training summary of all time.
var reportFigures = []misFigure{
	{alone: alone((*figures.Service).Training)},
	{alone: alone((*figures.Service).Summary)},
	{alone: func(ctx context.Context, s *figures.Service, scope figures.Scope) error {
		_, err := s.Trends(ctx, scope, 12)
		return err
	}},
	{alone: alone((*figures.Service).Grades)},
	{alone: alone((*figures.Service).Courses)},
}

// report times a training summary of everybody, from the request to the end of
// its process, through Temporal and a worker. The limit is the SQL of its
// figures alone.
func (b *misBench) report(ctx context.Context, rounds int) (row Row, err error) {
	_, stop, err := b.worker(ctx)
	if err != nil {
		return row, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	var t timed
	for range rounds {
		var limit time.Duration
		for _, f := range reportFigures {
			took, err := b.alone(f, b.callers[0].scope)
			if err != nil {
				return row, err
			}
			limit += took
		}
		begin := time.Now()
		r, err := b.hub.Reports.Generate(b.root, reporting.Request{Title: "Bench", Type: models.ReportTrainingSummary})
		if err != nil {
			return row, err
		}
		if _, err := b.awaitEnd(ctx, b.root, *r.ProcessID); err != nil {
			return row, err
		}
		t.add(time.Since(begin), limit)
	}
	return t.row("mis training summary of everybody", "stored, with its files; limit: the SQL of its figures alone").judge(ratioAtMost(2)), nil
}
