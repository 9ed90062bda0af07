package wire

// Error is the body of every refusal. Message is a list of texts where a body
// breaks rules, else one text.
type Error struct {
	StatusCode int    `json:"statusCode"`
	Message    any    `json:"message"`
	Error      string `json:"error"`
}

// ActionResult is the answer of acts that give nothing back.
type ActionResult struct {
	Success bool   `json:"success"`
	Message string `json:"message"`
}

// MessageResult is a text for people.
type MessageResult struct {
	Message string `json:"message"`
}

// PageOf is a page of a list, with what was used of the query.
type PageOf[T any] struct {
	Data  []T   `json:"data"`
	Total int64 `json:"total"`
	Page  int   `json:"page"`
	Limit int   `json:"limit"`
}

// ByID names one record in the path as {id}.
type ByID struct{ ID int64 }

// Read implements the request.
func (r *ByID) Read(in *Input) { r.ID = in.ID("id") }

// Nothing is a request without parameters.
type Nothing struct{}

// Read implements the request.
func (*Nothing) Read(*Input) {}

// UserSummary is a person in short.
type UserSummary struct {
	ID        string `json:"id"`
	Email     string `json:"email"`
	FirstName string `json:"firstName"`
	LastName  string `json:"lastName"`
}
