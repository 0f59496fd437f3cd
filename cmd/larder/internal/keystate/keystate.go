// Package keystate has the words for what can be found under a key in the shared
// tier, and for what a reader does about it. Programs read them in the JSON of the
// command, so that none of them changes.
package keystate

// State is what the shared tier holds under a key, as a reader takes it.
type State string

// The states.
const (
	Unknown     State = "unknown"      // the shared tier was not asked, or did not answer
	Never       State = "never-cached" // the class has no cache
	MemoryOnly  State = "memory-only"  // the class is not kept in the shared tier
	Missing     State = "missing"      // nothing is stored
	Fresh       State = "fresh"        // a value within its TTL
	Stale       State = "stale"        // a value past its TTL, that a window may still serve
	Expired     State = "expired"      // a value past its TTL and all its windows
	Negative    State = "negative"     // the origin has nothing under the key
	Soft        State = "outdated"     // a value that was invalidated softly, by key or tag
	Invalidated State = "invalidated"  // a value one of whose tags was invalidated
	Tombstone   State = "tombstone"    // it was invalidated by key
	Intent      State = "intent"       // a writer is about to commit
	OtherSchema State = "other-schema" // a value of another type, codec or encryption
	Damaged     State = "damaged"      // a record whose checksum or header is wrong
	Foreign     State = "foreign"      // bytes that Larder has not written
)

// Action is what a Get does.
//
// What follows from it, such as a refresh in the background, is said beside it.
type Action string

// The actions.
const (
	Serve      Action = "serve"       // it answers from the shared tier
	ServeStale Action = "serve-stale" // so, and marks the answer as stale
	Load       Action = "load"        // it asks the origin, and fills the tiers
	LoadAlone  Action = "load-alone"  // it asks the origin, and keeps nothing in the shared tier
	Wait       Action = "wait"        // it waits for the load that holds the lease
	Fail       Action = "fail"        // it returns an error
	NoCache    Action = "no-cache"    // there is no Get
	NotKnown   Action = "not-known"
)
