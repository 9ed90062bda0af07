// Package crossdoor holds the tests of what several front doors show of the same
// rows: a person made through one signs in through another, an organization of
// one is a sub-account of the other. Every answer in them is held to the
// contract of the door that gave it.
package crossdoor
