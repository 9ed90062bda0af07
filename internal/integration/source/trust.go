package source

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
)

// Untrusted tells whether a connection failed by what the system's server shows
// of itself: that is ErrTLS.
func Untrusted(err error) bool {
	var check *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var header tls.RecordHeaderError
	return errors.As(err, &check) || errors.As(err, &authority) || errors.As(err, &name) || errors.As(err, &invalid) || errors.As(err, &header)
}
