package strategy

import (
	"regexp"
	"slices"
	"strings"
)

// connector are the words that may join two statements.
var connector = regexp.MustCompile(`(?i)\s+(?:and|with|plus|in|at|on|for|then|via|but|until)\s+|\s*(?:\+/-|[+&±/])\s*`)

// maxParts bounds how many words that join are tried as joints of a clause. There are
// two ways at each joint, so that these are at most 256; what a part says is found once.
const maxParts = 8

// parts parts a clause at words that join, such that a rule reads each part: "1h in
// Redis with jitter 10%". It is nil if there is no way, or nothing to part. A clause
// that a rule refuses is not parted: half of it would say something else.
func parts(who speaker, c clause) []clause {
	if len(c.text) > maxClause {
		return nil
	}
	for _, reading := range readings(c) {
		joints := jointsOf(reading.text)
		if len(joints) < 2 || len(joints) > maxParts+1 {
			continue
		}
		p := parting{who: who, c: reading, joints: joints, tried: map[[2]int][]string{}}
		if list := p.from(0, 0, nil, ""); list != nil {
			return list
		}
	}
	return nil
}

// A joint is a word that joins two parts, or the end of the last one.
type joint struct {
	from, to int // the part before it ends at from, the one after it begins at to
	word     string
}

// jointsOf finds where a text may be parted, and its end.
func jointsOf(s string) []joint {
	var all []joint
	for _, m := range connector.FindAllStringIndex(s, maxParts+1) {
		j := joint{m[0], m[1], strings.ToLower(strings.TrimSpace(s[m[0]:m[1]]))}
		switch j.word { // which are part of what follows
		case "until":
			j.to = j.from + 1
		case "±", "+/-":
			j.to = j.from
		}
		all = append(all, j)
	}
	return append(all, joint{from: len(s), to: len(s)})
}

// A parting looks for a way to part a clause.
type parting struct {
	who    speaker
	c      clause
	joints []joint
	tried  map[[2]int][]string // the fields of a part, by its ends; nil if no rule reads it
}

// from parts what begins at start, with joints from next on. before is what the
// part before it says, and joint the word between the two. Long parts are tried first:
// the fewer parts, the less is left to chance.
func (p *parting) from(start, next int, before []string, joint string) []clause {
	for i := len(p.joints) - 1; i >= next; i-- {
		if start == 0 && i == len(p.joints)-1 {
			continue // the clause as a whole is none
		}
		end := p.joints[i].from
		fields := p.fields(start, end)
		if fields == nil || joint != "" && !joins(before, joint, fields) {
			continue
		}
		head := []clause{p.part(start, end)}
		if i == len(p.joints)-1 {
			return head
		}
		if tail := p.from(p.joints[i].to, i+1, fields, p.joints[i].word); tail != nil {
			return append(head, tail...)
		}
	}
	return nil
}

// part is a part of the clause as one.
func (p *parting) part(start, end int) clause {
	c := p.c.with(p.c.text[start:end])
	c.at += start
	return c
}

// fields are what a part says, or nil.
func (p *parting) fields(start, end int) []string {
	ends := [2]int{start, end}
	fields, ok := p.tried[ends]
	if ok || strings.TrimSpace(p.c.text[start:end]) == "" {
		return fields
	}
	if said, err := tryReadings(p.who, p.part(start, end)); err == nil {
		fields = append([]string{}, said...)
	}
	p.tried[ends] = fields
	return fields
}

// What can be said to be in a place, or for a time. Of anything else, "in" and "for"
// limit it: "hits above 90% in the CDN" is not "hits above 90%" and "in the CDN".
var (
	tierFields  = []string{saidMemory, saidRedis, saidEdge, saidOnly}
	keptFields  = append([]string{"pattern", "cached", "end", saidEnd, "key", "privacy"}, tierFields...)
	lifeFields  = []string{"TTL", "memory TTL", "edge TTL"}
	timedFields = append([]string{"TTL"}, keptFields...)
)

// joins tells whether a joint says of two parts no more than each says by itself.
func joins(before []string, joint string, after []string) bool {
	switch joint {
	case "in", "at", "on", "via":
		return subset(before, timedFields) && subset(after, tierFields)
	case "until":
		return subset(before, keptFields) && subset(after, []string{"end", saidEnd})
	case "for":
		return subset(before, keptFields) && subset(after, append(lifeFields, tierFields...))
	}
	return true
}

// subset tells whether all fields are among others.
func subset(fields, others []string) bool {
	return !slices.ContainsFunc(fields, func(f string) bool { return !slices.Contains(others, f) })
}
