package model

import ("testing";"time";"os")

func lone(n int, gets uint8) (rs []Reader) {
	for i := range n { rs = append(rs, Reader{Process:i, Gets:gets, Strict:true}) }
	return
}
func TestScratch(t *testing.T) {
	el := []int{Elsewhere, Elsewhere}
	for _, c := range []struct{name string; cfg Config}{
		{"3 lone", Config{Readers: lone(3,1), Writers: el}},
		{"3 lone faults", Config{Readers: lone(3,1), Writers: el, Faults: Faults{LeaseLosses:1, Evictions:1}}},
		{"3 lone faults crashes", Config{Readers: lone(3,1), Writers: el, Faults: Faults{LeaseLosses:1, Evictions:1, WriterCrashes:1, Crashes:1}}},
		{"2x2 lone", Config{Readers: lone(2,2), Writers: el, Faults: Faults{LeaseLosses:1, Evictions:1, Flushes:1}}},
		{"unversioned", Config{Readers: lone(3,1), Writers: el, Unversioned:true, Faults: Faults{LeaseLosses:1, Evictions:1}}},
		{"replica", Config{Readers: lone(3,1), Writers: el, Replica:true, Faults: Faults{LeaseLosses:1, Evictions:1}}},
		{"giveup", Config{Readers: lone(3,1), Writers: el, GiveUp:true, Faults: Faults{LeaseLosses:1, Evictions:1}}},
		{"2A 1B strict", Config{Readers: []Reader{{0,1,true},{0,1,true},{1,1,true}}, Writers: []int{0,Elsewhere}, Faults: Faults{LeaseLosses:1, Evictions:1}}},
		{"mem 2A nonstrict", Config{Readers: []Reader{{0,2,false},{0,2,false}}, Writers: []int{Elsewhere}, Memory:true, Faults: Faults{Evictions:1,Disconnects:1}}},
		{"mem 2A own", Config{Readers: []Reader{{0,1,false},{0,1,false},{1,1,true}}, Writers: []int{0}, Memory:true, Faults: Faults{Evictions:1}}},
		{"mem 2A own dis", Config{Readers: []Reader{{0,1,false},{0,1,true},{1,1,true}}, Writers: []int{0}, Memory:true, Faults: Faults{Disconnects:1}}},
	} {
		if os.Getenv("ONLY") != "" && os.Getenv("ONLY") != c.name { continue }
		t0 := time.Now()
		r, err := Check(c.cfg)
		if err != nil { t.Fatal(err) }
		t.Logf("%-24s %8d states depth %d %.2fs broken %v", c.name, r.States, r.Depth, time.Since(t0).Seconds(), r.Broken)
		for p, tr := range r.Traces { t.Logf("%v", p); for _, l := range tr { t.Log("   ", l) } }
	}
}
