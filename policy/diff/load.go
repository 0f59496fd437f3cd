package diff

// loads compares how values are loaded. Nothing that is kept changes with it: but for
// batch, which is another loader, the first effect is on the source.
func (d *differ) loads(at func(...string) string, p *classPair) {
	old, new := p.old, p.new
	d.field(at("batch"), old.Batch, new.Batch, always(Breaking, "The loader loads many keys at once, or does so no more. "+compile))
	d.field(at("stampede", "early_refresh"), old.Stampede.EarlyRefresh, new.Stampede.EarlyRefresh, always(Behavioural, "Hot values are loaded again earlier, or later, before their end."))
	d.field(at("stampede", "soft_timeout"), old.Stampede.SoftTimeout, new.Stampede.SoftTimeout, always(Behavioural, "Readers wait another time for a load before they get the stale value."))
	d.field(at("stampede", "hard_timeout"), old.Stampede.HardTimeout, new.Stampede.HardTimeout, always(Behavioural, "Loads are ended after another time."))
	d.field(at("budget", "loads"), old.Budget.Loads, new.Budget.Loads, always(Behavioural, "Another number of loads runs at once in each process: look at what the source stands."))
	d.field(at("budget", "rate"), old.Budget.Rate, new.Budget.Rate, always(Behavioural, "Each process loads at another rate: look at what the source stands."))
	d.field(at("budget", "wait"), old.Budget.Wait, new.Budget.Wait, always(Behavioural, "Loads wait another time for their turn before readers get a stale value, or an error."))
	d.field(at("rebuild"), old.Rebuild, new.Rebuild, always(Behavioural, "Another number of keys is loaded at once after an invalidation of a tag."))
}
