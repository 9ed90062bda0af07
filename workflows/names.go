// Package workflows holds the processes of the hub, one file each. A workflow
// decides order, time and retries; the rules are in the areas, which it reaches
// through activities. Its arguments and results are ids and object keys.
//
// Names are in running histories: workflow types (models.ProcessSpecs),
// signals, updates, queries and activity names are never changed.
package workflows

import "go.temporal.io/sdk/workflow"

// Update is the name of a question to a running workflow with its argument and
// its answer.
type Update[Arg, Answer any] struct{ Name string }

// Handle sets the workflow's answer. check, which may be nil, refuses a
// question before it is in the history; it must not change anything.
func (u Update[Arg, Answer]) Handle(ctx workflow.Context, answer func(workflow.Context, Arg) (Answer, error), check func(workflow.Context, Arg) error) error {
	options := workflow.UpdateHandlerOptions{}
	if check != nil {
		options.Validator = check
	}
	return workflow.SetUpdateHandlerWithOptions(ctx, u.Name, answer, options)
}

// Signal is the name of news for a running workflow with what they say.
type Signal[News any] struct{ Name string }

// Channel is where the workflow receives the news.
func (s Signal[News]) Channel(ctx workflow.Context) Inbox[News] {
	return Inbox[News]{ch: workflow.GetSignalChannel(ctx, s.Name)}
}

// Inbox is a typed signal channel.
type Inbox[News any] struct{ ch workflow.ReceiveChannel }

// Receive waits for news.
func (i Inbox[News]) Receive(ctx workflow.Context) News {
	var news News
	i.ch.Receive(ctx, &news)
	return news
}

// TryReceive gives news that are there; false if there are none.
func (i Inbox[News]) TryReceive() (News, bool) {
	var news News
	ok := i.ch.ReceiveAsync(&news)
	return news, ok
}

// Select adds the channel to a selector; then is called with each piece of news.
func (i Inbox[News]) Select(s workflow.Selector, then func(News)) workflow.Selector {
	return s.AddReceive(i.ch, func(ch workflow.ReceiveChannel, _ bool) {
		var news News
		if ch.ReceiveAsync(&news) {
			then(news)
		}
	})
}

// Query is the name of a look at a running workflow's state.
type Query[Answer any] struct{ Name string }

// Handle sets the workflow's answer, which must not change anything.
func (q Query[Answer]) Handle(ctx workflow.Context, answer func() (Answer, error)) error {
	return workflow.SetQueryHandler(ctx, q.Name, answer)
}
