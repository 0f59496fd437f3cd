// Package options is called as a variable of generated code is.
package options

// Set is what a customer has chosen.
type Set struct{ Dark bool }
