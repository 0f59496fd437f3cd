package lint

import (
	"fmt"
)

// targetWindow needs both numbers: a share of nothing in particular is no target.
func targetWindow(k *check) {
	for _, c := range k.classes {
		switch t := c.is.Target; {
		case t.MissRate > 0 && t.Window == 0:
			k.report(c.owner, "target", "it has a target for misses, and no time over which they are counted: nobody can say when it is missed",
				"Write target: {miss_rate: 10%, window: 5m}.")
		case t.MissRate == 0 && t.Window > 0:
			k.report(c.owner, "target", "it counts misses over a window, and has no target for them", "Set miss_rate, or take the target out.")
		}
	}
}

// targetImplausible knows only bounds that hold for everyone. Whether a target can be
// reached depends on the traffic, which no policy has.
func targetImplausible(k *check) {
	for _, c := range k.classes {
		t := c.is.Target.MissRate // 0: none was said
		if t > 0 && t < leastMisses || t >= 1 {
			k.report(c.owner, "target", fmt.Sprintf("a share of misses of %v%% is no target: nothing that expires stays below 0.1%%, and everything below 100%%", t*100),
				"Take a share from 0.1% to 99%, near what is measured.")
		}
	}
}
