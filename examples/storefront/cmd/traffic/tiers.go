package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"text/tabwriter"
	"time"
)

// stats is the part of /debug/larder that is shown.
type stats struct {
	Classes map[string]class `json:"classes"`
	Origin  struct {
		Queries uint64 `json:"queries"`
	} `json:"origin"`
	Outbox *struct { // nil: the shop runs no relay
		Pending  int64 `json:"pending"`
		SetAside int64 `json:"set_aside"`
		Relay    struct {
			Delivered uint64 `json:"delivered"`
		} `json:"relay"`
	} `json:"outbox"`
}

type class struct {
	Gets      uint64            `json:"gets"`
	Hits      map[string]uint64 `json:"hits"`
	Misses    map[string]uint64 `json:"misses"`
	Loads     uint64            `json:"loads"`
	Coalesced uint64            `json:"coalesced"`
	Updates   uint64            `json:"updates"`
	Through   uint64            `json:"written_through"`
	Target    float64           `json:"target"`
}

func readStats(admin string) (s stats, err error) {
	client := http.Client{Timeout: 10 * time.Second}
	res, err := client.Get(admin + "/debug/larder")
	if err != nil {
		return s, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return s, fmt.Errorf("%s/debug/larder: status %d", admin, res.StatusCode)
	}
	return s, json.NewDecoder(res.Body).Decode(&s)
}

// printTiers shows where the keys asked for between two readings were found.
func printTiers(out io.Writer, before, after stats) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\nclass\tgets\tmemory\tshared\tmiss\ttarget\tloads\tcoalesced\tupdates\tthrough\t")
	for _, name := range slices.Sorted(maps.Keys(after.Classes)) {
		a, b := after.Classes[name], before.Classes[name]
		gets := a.Gets - b.Gets
		if gets == 0 {
			continue
		}
		target := "-"
		if a.Target > 0 {
			target = fmt.Sprintf("< %.0f%%", 100*a.Target)
		}
		share := func(n uint64) string { return fmt.Sprintf("%.1f%%", 100*float64(n)/float64(gets)) }
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\t%d\t%d\t%d\t%d\t\n", name, gets,
			share(a.Hits["memory"]-b.Hits["memory"]), share(a.Hits["shared"]-b.Hits["shared"]),
			share(sum(a.Misses)-sum(b.Misses)), target, a.Loads-b.Loads, a.Coalesced-b.Coalesced, a.Updates-b.Updates, a.Through-b.Through)
	}
	w.Flush()
	fmt.Fprintf(out, "\nSQL statements for cached reads: %d\n", after.Origin.Queries-before.Origin.Queries)
	if o := after.Outbox; o != nil && before.Outbox != nil {
		fmt.Fprintf(out, "outbox: %d rows delivered by this shop, %d wait, %d set aside\n",
			o.Relay.Delivered-before.Outbox.Relay.Delivered, o.Pending, o.SetAside)
	}
}

func sum(counts map[string]uint64) (n uint64) {
	for _, c := range counts {
		n += c
	}
	return n
}
