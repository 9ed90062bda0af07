package certification

import "crypto/rand"

// CodeLength is how many characters prove an issue: 100 random bits.
const CodeLength = 20

// codeAlphabet is Crockford's base 32: no letters that look like digits.
const codeAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// newCode makes the code of an issue.
func newCode() string {
	b := make([]byte, CodeLength)
	_, _ = rand.Read(b) // never fails, see crypto/rand
	for i := range b {
		b[i] = codeAlphabet[b[i]&31]
	}
	return string(b)
}
