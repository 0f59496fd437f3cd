package diff

// fleet compares what all classes share. While both versions of a program run, each
// goes by its own.
func (d *differ) fleet() {
	old, new := d.old.Fleet, d.new.Fleet
	d.field("fleet.max_staleness", old.MaxStaleness, new.MaxStaleness, always(Behavioural,
		"Memory may serve what another process has changed for another time. While both versions run, the longer one holds."))
	d.field("fleet.shared_timeout", old.SharedTimeout, new.SharedTimeout, always(Behavioural,
		"Reads wait another time for the shared tier before they do without it."))
	d.field("fleet.lease", old.Lease, new.Lease, always(Behavioural,
		"Another process takes over a load that is silent after another time."))
	d.field("fleet.hold", old.Hold, new.Hold, always(Behavioural,
		"Keys are marked for another time after an invalidation. If that is shorter than replicas lag, an older row can be cached again."))
	// To stop a relay loses invalidations; to promise one that does not run yet only
	// lets them wait.
	d.field("fleet.outbox", old.Outbox, new.Outbox, func() verdict {
		if new.Outbox {
			return verdict{Behavioural, "A relay must run, or nothing delivers what is committed."}
		}
		return verdict{Breaking, "Nothing delivers what is committed by others: values stay wrong until their TTL ends."}
	})
}

// generated compares where code goes, which only the compiler notices: nothing that is
// kept has the name of a package in it.
func (d *differ) generated() {
	effect := always(Breaking, "The generated package has another import path or name: what uses it does not compile until it is changed.")
	d.field("go.package", d.old.Go.Package, d.new.Go.Package, effect)
	d.field("go.out", d.old.Go.Out, d.new.Go.Out, effect)
}
