package torture

import (
	"math/rand/v2"
	"time"

	"github.com/larderdev/larder/internal/redistest"
)

// faultNames are what may happen to the shared tier and the processes.
var faultNames = [...]string{
	"none", "server stopped", "flushed", "connections killed", "server killed, has what it had",
	"server killed, has what it had seconds ago", "server killed, empty", "wire cut", "process killed",
}

const (
	noFault = iota
	stopped
	flushed
	disconnected
	revived
	revivedOlder
	emptied
	cutOff
	killed
	faultKinds
)

// settling is how long the fleet has to get over a fault before reads must not
// go backwards any more.
const settling = time.Second

// nemesis lets faults happen.
type nemesis struct {
	*fleet
	server   *redistest.Server
	operator *redistest.Operator
	wires    []*redistest.Wire
	saved    time.Time
	counts   [faultKinds]int
	deck     []int
}

// between returns a random duration of milliseconds.
func between(from, to int) time.Duration {
	return time.Duration(from+rand.IntN(to-from)) * time.Millisecond
}

// until lets faults happen, one after another, until end.
func (n *nemesis) until(end time.Time) {
	<-time.After(2 * time.Second) // the processes start
	for time.Now().Before(end) {
		kind := n.draw()
		n.counts[kind]++
		n.ledger.epoch.Add(1)
		n.ledger.at.Store(time.Now().UnixNano())
		n.ledger.fault.Store(uint64(kind))
		n.happen(kind)
		<-time.After(settling)
		n.ledger.epoch.Add(1)
		n.save()
		<-time.After(between(200, 1200))
		n.relays[rand.IntN(len(n.relays))].kill() // no outage: others read and write on
		<-time.After(between(200, 800))
	}
}

// draw chooses a fault; each comes as often as the others.
func (n *nemesis) draw() int {
	if len(n.deck) == 0 {
		n.deck = rand.Perm(faultKinds - 1)
	}
	kind := n.deck[0] + 1
	n.deck = n.deck[1:]
	return kind
}

// save makes the server remember what it holds, unless it has lately.
func (n *nemesis) save() {
	if time.Since(n.saved) > 8*time.Second {
		n.operator.Run("SAVE")
		n.saved = time.Now()
	}
}

func (n *nemesis) happen(kind int) {
	switch kind {
	case stopped:
		n.server.Pause()
		<-time.After(between(50, 1500))
		n.server.Resume()
	case flushed:
		n.lose(func() { n.operator.Run("FLUSHALL") })
	case disconnected:
		n.operator.Run("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
	case revived:
		n.operator.Run("SAVE")
		n.saved = time.Now()
		n.lose(n.server.RestartSaved)
	case revivedOlder:
		n.lose(n.server.RestartSaved)
	case emptied:
		n.saved = time.Time{}
		n.lose(n.server.Restart)
	case cutOff:
		w := n.wires[rand.IntN(len(n.wires))]
		w.Cut()
		<-time.After(between(500, 2500))
		w.Mend()
	case killed:
		n.nodes[rand.IntN(len(n.nodes))].kill()
	}
}

// lose makes the ledger know that the server loses data.
func (n *nemesis) lose(how func()) {
	n.ledger.losses.Add(1)
	how()
	n.ledger.losses.Add(1)
}

func (n *nemesis) report() {
	for kind, count := range n.counts {
		if count > 0 {
			n.t.Logf("%s: %d times", faultNames[kind], count)
		}
	}
	relays := int64(0)
	for _, r := range n.relays {
		relays += r.kills.Load()
	}
	n.t.Logf("relays killed %d times; the outbox was rewound %d times; the replica was behind by up to %v",
		relays, n.db.rewinds(n.t)-1, time.Duration(n.db.worstLag.Load()).Round(time.Millisecond))
}
