package wire

// None is a request without parameters.
type None struct{}

// Read implements the door's request.
func (*None) Read(*Input) {}

// CreateToken asks for a token.
type CreateToken struct{ ClientKey, Secret string }

// Read implements the door's request.
func (r *CreateToken) Read(in *Input) {
	r.ClientKey, r.Secret = in.QueryNeeded("clientKey"), in.QueryNeeded("secret")
}
