package enabley

import (
	"quad/api/enabley/wire"
	"quad/internal/learning/enrollment"
	"quad/internal/ref"
	"quad/models"
)

// courseRoles are the words of this API.
var courseRoles = map[string]models.CourseRole{"LEARNER": models.CourseLearner, "INSTRUCTOR": models.CourseInstructor}

func performance(p enrollment.Performance) wire.ChannelPerformance {
	return wire.ChannelPerformance{
		ChannelName: p.CourseName, CompletionDate: wire.NullableTimestamp(p.FirstCompletedAt),
		ExternalChannelID: p.CourseIdentifier, ExternalUserID: p.UserIdentifier, Progress: p.Progress, Score: p.Score,
	}
}

// performanceOf is the filter of a list; what is empty was not sent.
func performanceOf(channel, user string) enrollment.PerformanceFilter {
	return enrollment.PerformanceFilter{Course: ref.ByIdentifier(channel), User: ref.ByIdentifier(user)}
}
