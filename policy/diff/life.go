package diff

import (
	"fmt"
	"time"

	"github.com/larderdev/larder/policy"
)

// life is a field that says how long something lives, and what it does that it is longer
// or shorter.
type life[T any] struct {
	keys     []string
	of       func(T) time.Duration
	up, down string
}

// judge says what a life that is longer, or shorter, does. Both are worth a look and none
// is worse: a longer one serves older values, a shorter one loads more.
func (l life[T]) judge(old, new T, known bool) verdict {
	was, is := l.of(old), l.of(new)
	word, effect := "shorter", l.down
	switch {
	case known && was == is:
		return verdict{Safe, sameLife}
	case was == is:
		return verdict{Behavioural, "What it changes is not known: a profile or a class that is named here is not there."}
	case is > was:
		word, effect = "longer", l.up
	}
	return verdict{Behavioural, fmt.Sprintf("It is %s, %s and not %s. %s %s.", word, said(is), said(was), effect, keepsOld)}
}

// classLives are those of a class.
var classLives = []life[policy.Class]{
	{
		[]string{"ttl", "shared"},
		func(c policy.Class) time.Duration { return c.TTL.Shared },
		"An invalidation that is lost does harm for longer.", "There are more loads.",
	},
	{
		[]string{"ttl", "memory"},
		func(c policy.Class) time.Duration { return c.TTL.Memory },
		"Memory keeps values for longer.", "Memory asks the shared tier more often.",
	},
	{
		[]string{"ttl", "edge"},
		func(c policy.Class) time.Duration { return c.TTL.Edge },
		"The edge keeps responses for longer; what is not purged is wrong for longer.", "The edge asks the origin more often.",
	},
	{
		[]string{"negative_ttl"},
		func(c policy.Class) time.Duration { return c.NegativeTTL },
		"What is created without an invalidation is missed for longer.", "What is not there is asked for more often.",
	},
	{
		[]string{"stale_while_revalidate"},
		func(c policy.Class) time.Duration { return c.StaleWhileRevalidate },
		"Older values are served while they are replaced.", "More readers wait for a load.",
	},
	{
		[]string{"stale_if_error"},
		func(c policy.Class) time.Duration { return c.StaleIfError },
		"Older values are served when the source fails.", "Readers get the source's errors sooner.",
	},
}

// lives compares all that says how long a value lives. A change that profiles and
// defaults make up for is safe: it is a field that was filled in and is now said.
func (d *differ) lives(at func(...string) string, p *classPair) {
	d.field(at("profile"), p.old.Profile, p.new.Profile, func() verdict {
		if p.known && sameLives(p.oldIs, p.newIs) {
			return verdict{Safe, sameLife}
		}
		return verdict{Behavioural, fmt.Sprintf("New values live otherwise: fresh for %s and not %s. What is kept already keeps its end.", said(p.newIs.TTL.Shared), said(p.oldIs.TTL.Shared))}
	})
	for _, life := range classLives {
		d.field(at(life.keys...), life.of(p.old), life.of(p.new), func() verdict {
			return life.judge(p.oldIs, p.newIs, p.known)
		})
	}
	// The loader of such a class has a function for the end of a value.
	d.field(at("ttl", "from_value"), p.old.FromValue, p.new.FromValue, always(Breaking,
		"Values end by themselves, or do so no more; those that are kept already end as they did. "+compile))
	d.field(at("jitter"), share(p.old.Jitter), share(p.new.Jitter), func() verdict {
		if p.known && p.oldIs.Jitter == p.newIs.Jitter {
			return verdict{Safe, sameLife}
		}
		return verdict{Behavioural, "Lives are shortened by another part at random. Without jitter values that were loaded together end together."}
	})
}

// sameLives compares what remains when profiles and defaults are filled in.
func sameLives(a, b policy.Class) bool {
	return a.TTL == b.TTL && a.NegativeTTL == b.NegativeTTL && a.Jitter == b.Jitter &&
		a.StaleWhileRevalidate == b.StaleWhileRevalidate && a.StaleIfError == b.StaleIfError
}

// said is a duration in a sentence, in which "none" and "" would read badly.
func said(d time.Duration) string {
	if d <= 0 {
		return "nothing"
	}
	return length(d)
}
