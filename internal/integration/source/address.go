package source

// Addressed is a Connector that knows from its settings where they lead. A host
// that the hub must not talk to is then refused when the settings are made, and
// not only when somebody connects.
type Addressed interface {
	Connector
	// Host gives the name or address of the host and the field that it comes
	// from; "" where the settings name none.
	Host(Settings) (host, field string)
}
