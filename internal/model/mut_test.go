package model

import ("testing";"time")

func TestMut(t *testing.T) {
	el := []int{Elsewhere, Elsewhere}
	one := []int{Elsewhere}
	mem2 := []Reader{{0,2,false},{0,1,false}}
	ev := Faults{Evictions:1}
	for _, c := range []struct{name string; cfg Config}{
		{"LPP", Config{Mutant:LeasePerProcess, Readers: []Reader{{0,1,true},{0,1,true},{1,1,true}}, Writers: one, Unversioned:true}},
		{"LPP v", Config{Mutant:LeasePerProcess, Readers: []Reader{{0,1,true},{0,1,true},{1,1,true}}, Writers: one, Faults:ev}},
		{"Absent", Config{Mutant:LeaseMayBeAbsent, Readers: lone(2,1), Writers: one, Unversioned:true}},
		{"Absent v", Config{Mutant:LeaseMayBeAbsent, Readers: lone(3,1), Writers: one, Faults:ev}},
		{"NoLease", Config{Mutant:NoLease, Readers: lone(3,1), Writers: el}},
		{"KeepLease", Config{Mutant:KeepLease, Readers: lone(3,1), Writers: one, Unversioned:true}},
		{"KeepLease v", Config{Mutant:KeepLease, Readers: lone(3,1), Writers: one, Faults:ev}},
		{"NoRetry", Config{Mutant:NoRetry, Readers: lone(3,1), Writers: el, Faults:Faults{LeaseLosses:1}}},
		{"NoRetry v", Config{Mutant:NoRetry, Readers: lone(3,1), Writers: el}},
		{"Plain", Config{Mutant:PlainSingleflight, Readers: []Reader{{0,1,true},{0,1,true},{1,1,true}}, Writers: one}},
		{"NoFloor", Config{Mutant:NoFloor, Readers: lone(3,1), Writers: el, Replica:true}},
		{"FloorAtFill", Config{Mutant:FloorOnlyAtFill, Readers: lone(3,1), Writers: el, Replica:true, Faults:ev}},
		{"FloorAtLoader", Config{Mutant:FloorOnlyAtLoader, Readers: lone(3,1), Writers: el, Replica:true, GiveUp:true, Faults:Faults{Evictions:1,LeaseLosses:1}}},
		{"ShortHold", Config{Mutant:ShortHold, Readers: lone(3,1), Writers: el, Replica:true, Faults:ev}},
		{"ShortTTL", Config{Mutant:ShortTTL, Readers: lone(3,1), Writers: el, Replica:true, Faults:ev}},
		{"InvFirst", Config{Mutant:InvalidateFirst, Readers: lone(3,1), Writers: one}},
		{"AckFirst", Config{Mutant:AckFirst, Readers: lone(3,1), Writers: one}},
		{"BareLast", Config{Mutant:BareLastRead, Readers: lone(3,1), Writers: one, GiveUp:true}},
		{"NoTaint", Config{Mutant:NoTaint, Readers: mem2, Writers: []int{0}, Memory:true}},
		{"LateNote", Config{Mutant:LateNote, Readers: mem2, Writers: one, Memory:true}},
		{"NoOwn", Config{Mutant:NoOwnInvalidate, Readers: mem2, Writers: []int{0}, Memory:true}},
		{"NoFlush", Config{Mutant:NoFlush, Readers: mem2, Writers: one, Memory:true, Faults:Faults{Disconnects:1}}},
		{"FlushBefore", Config{Mutant:FlushBeforeTracking, Readers: mem2, Writers: one, Memory:true, Faults:Faults{Disconnects:1}}},
		{"unversioned replica", Config{Readers: lone(3,1), Writers: el, Unversioned: true, Replica:true, GiveUp:true, Faults:Faults{Evictions:1,LeaseLosses:1}}},
	} {
		t0 := time.Now()
		r, err := Check(c.cfg)
		if err != nil { t.Fatal(err) }
		t.Logf("== %-24s %8d states depth %d %.2fs broken %v", c.name, r.States, r.Depth, time.Since(t0).Seconds(), r.Broken)
		for p, tr := range r.Traces { t.Logf("  %v %d", p, len(tr)); for _, l := range tr { t.Log("   ", l) } }
	}
}
