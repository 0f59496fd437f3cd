// Package stock is in a folder of another name.
package stock

// Level is how much there is.
type Level int
