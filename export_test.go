package larder

// WithMutant returns o with a clause of the protocol taken out: "lease per
// process", "no taint", "no heartbeat" or "tags read after the load". Tests use it to show that their
// checker can fail.
func WithMutant(o Options, name string) Options {
	switch name {
	case "":
	case "lease per process":
		o.mutant.processLease = true
	case "no taint":
		o.mutant.noTaint = true
	case "no heartbeat":
		o.mutant.noHeartbeat = true
	case "tags read after the load":
		o.mutant.lateTags = true
	default:
		panic("no mutant " + name)
	}
	return o
}
