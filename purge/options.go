package purge

import (
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Options configures a [Queue]. It needs Targets.
type Options struct {
	// Targets are the caches. Their names differ, and are UTF-8 without control
	// characters. At least one.
	Targets []Purger
	// Journal keeps what waits across restarts, and is closed with the queue.
	// See [OpenFile].
	//
	// Default: none. What waits when the process ends is lost, and not purged.
	Journal Journal
	// Window is how long a target waits for more before it makes a call. Purges
	// of the same tag within it are one. Negative: it does not wait.
	//
	// Default: 50 ms. At most 1 min.
	Window time.Duration
	// Settle is the time after which what was accepted is purged again: longer
	// than a response is on its way from the origin to the cache. Negative: it
	// is not purged again.
	//
	// Default: 5 s. At most 1 h.
	Settle time.Duration
	// MaxTries is how often an item is tried at a target before it becomes a
	// dead letter. What is sure to fail again becomes one at once.
	//
	// Default: 60, which takes an hour or so. At most 10,000.
	MaxTries int
	// MinBackoff and MaxBackoff bound the pauses of a target that fails. They
	// double, and are between a half and the whole of that by chance. Where the
	// target asks for more (Retry-After), it gets that and up to a tenth on top,
	// an hour and a tenth at most.
	//
	// Default: 250 ms and 1 min. At least 1 ms.
	MinBackoff, MaxBackoff time.Duration
	// MaxWaiting is how many different items may wait for a target, MaxDead how
	// many of its dead letters are kept. When there is no more room among the
	// dead, what should be there goes on waiting, and is tried once in
	// MaxBackoff.
	//
	// Default: 100,000 and 10,000.
	MaxWaiting, MaxDead int
	// Parallel is how many calls are made to a target at once. One that fails
	// gets one at a time.
	//
	// Default: 4. At most 64.
	Parallel int
	// CallTimeout bounds a call.
	//
	// Default: 30 s. At most 10 min.
	CallTimeout time.Duration
	// Logger is told of targets that fail and work again, of dead letters, and
	// of a journal that fails. It is told no tag, no URL and nothing that an API
	// has said, only the status: [TargetStats] and the dead letters have that.
	//
	// Default: slog.Default().
	Logger *slog.Logger
}

// normalize fills in defaults and reports all mistakes.
func (o *Options) normalize() error {
	errs := o.targetErrors()
	for _, n := range []struct {
		name          string
		value         *int
		standard, max int
	}{
		{"MaxTries", &o.MaxTries, 60, 10_000},
		{"MaxWaiting", &o.MaxWaiting, 100_000, 100_000_000},
		{"MaxDead", &o.MaxDead, 10_000, 100_000_000},
		{"Parallel", &o.Parallel, 4, 64},
	} {
		if *n.value == 0 {
			*n.value = n.standard
		}
		if *n.value < 1 || *n.value > n.max {
			errs = append(errs, fmt.Errorf("%s is %d, want 1 to %d", n.name, *n.value, n.max))
		}
	}
	least := 250 * time.Millisecond
	if o.MaxBackoff > 0 {
		least = min(least, o.MaxBackoff)
	}
	for _, d := range []struct {
		name               string
		value              *time.Duration
		standard, min, max time.Duration
	}{
		{"Window", &o.Window, 50 * time.Millisecond, -1 << 63, time.Minute},
		{"Settle", &o.Settle, 5 * time.Second, -1 << 63, time.Hour},
		{"MaxBackoff", &o.MaxBackoff, max(time.Minute, o.MinBackoff), time.Millisecond, time.Hour},
		{"MinBackoff", &o.MinBackoff, least, time.Millisecond, time.Hour},
		{"CallTimeout", &o.CallTimeout, 30 * time.Second, time.Millisecond, 10 * time.Minute},
	} {
		if *d.value == 0 {
			*d.value = d.standard
		}
		if *d.value < d.min || *d.value > d.max {
			errs = append(errs, fmt.Errorf("%s is %v, want %v to %v", d.name, *d.value, max(d.min, 0), d.max))
		}
	}
	if o.MinBackoff > o.MaxBackoff {
		errs = append(errs, fmt.Errorf("MinBackoff is %v, above MaxBackoff, which is %v", o.MinBackoff, o.MaxBackoff))
	}
	o.Window, o.Settle = max(o.Window, 0), max(o.Settle, 0)
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return errors.Join(errs...)
}

func (o *Options) targetErrors() []error {
	var errs []error
	if len(o.Targets) == 0 {
		errs = append(errs, errors.New("Targets is empty, want a purger for each cache"))
	}
	names := map[string]bool{}
	for i, p := range o.Targets {
		if p == nil {
			errs = append(errs, fmt.Errorf("Targets[%d] is nil", i))
			continue
		}
		name, l := p.Name(), p.Limits()
		switch {
		case name == "":
			errs = append(errs, fmt.Errorf("Targets[%d] has no name", i))
		case !ValidName(name):
			errs = append(errs, fmt.Errorf("Targets[%d]: the name %.80q is not UTF-8 or has a control character: name it otherwise", i, name))
		case names[name]:
			errs = append(errs, fmt.Errorf("Targets[%d]: two targets are named %q: name them by place", i, name))
		case l.Tags < 0 || l.URLs < 0 || l.Bytes < 0 || l.Tags+l.URLs == 0:
			errs = append(errs, fmt.Errorf("Targets[%d]: %q purges %d tags and %d URLs in calls of %d bytes", i, name, l.Tags, l.URLs, l.Bytes))
		case CheckRate(l.Rate, l.Burst) != nil || CheckRate(l.URLRate, l.URLBurst) != nil:
			errs = append(errs, fmt.Errorf("Targets[%d]: %q has rates %v and %v with bursts %d and %d: want each above 0 with its burst, or neither",
				i, name, l.Rate, l.URLRate, l.Burst, l.URLBurst))
		}
		names[name] = true
	}
	return errs
}
