// Package price is in the second version of its module.
package price

// List is a list of prices.
type List []int64
