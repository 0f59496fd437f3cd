package gen

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/larderdev/larder"
)

// printer writes values as Go expressions. It is how a policy gets into the code:
// the value that was verified is the one that is written.
//
// By reflection: a field that package larder gets is written without a change here.
type printer struct {
	time bool // the time package was needed
}

// fields writes the composite literal of a struct without its type: the fields
// that are not zero, one to a line.
// A zero field says nothing: it means the default, in the code as in the policy.
func (p *printer) fields(v any) string {
	var b strings.Builder
	b.WriteString("{\n")
	s := reflect.ValueOf(v)
	for i := range s.NumField() {
		if f := s.Type().Field(i); f.IsExported() && !s.Field(i).IsZero() {
			fmt.Fprintf(&b, "%s: %s,\n", f.Name, p.value(s.Field(i)))
		}
	}
	return b.String() + "}"
}

// value writes one value of the kinds that policies are made of.
func (p *printer) value(v reflect.Value) string {
	switch x := v.Interface().(type) {
	case time.Duration:
		p.time = true
		return duration(x)
	case larder.Tier:
		return tiers(x)
	case larder.Pattern:
		// The other pattern is zero, and not written.
		return map[larder.Pattern]string{larder.WriteThrough: "larder.WriteThrough"}[x]
	case map[int]time.Duration:
		p.time = true
		return statuses(x)
	case []string:
		return "[]string{" + quoted(x) + "}"
	case string:
		return strconv.Quote(x)
	}
	return fmt.Sprint(v.Interface()) // numbers and booleans
}

// quoted writes texts as Go literals with commas between.
func quoted(texts []string) string {
	all := make([]string, len(texts))
	for i, text := range texts {
		all[i] = strconv.Quote(text)
	}
	return strings.Join(all, ", ")
}

// tiers writes tiers by their constants, whose numbers nobody knows by heart.
func tiers(t larder.Tier) string {
	var all []string
	for _, tier := range []struct {
		bit  larder.Tier
		name string
	}{{larder.Memory, "larder.Memory"}, {larder.Shared, "larder.Shared"}} {
		if t&tier.bit != 0 {
			all = append(all, tier.name)
		}
	}
	return strings.Join(all, " | ")
}

// statuses writes a map in the order of its keys, so that the text is the same each
// time.
func statuses(m map[int]time.Duration) string {
	var codes []int
	for code := range m {
		codes = append(codes, code)
	}
	slices.Sort(codes)
	all := make([]string, len(codes))
	for i, code := range codes {
		all[i] = fmt.Sprintf("%d: %s", code, duration(m[code]))
	}
	return "map[int]time.Duration{" + strings.Join(all, ", ") + "}"
}

// units are those of package time, the largest first.
var units = []struct {
	size time.Duration
	name string
}{
	{time.Hour, "time.Hour"},
	{time.Minute, "time.Minute"},
	{time.Second, "time.Second"},
	{time.Millisecond, "time.Millisecond"},
	{time.Microsecond, "time.Microsecond"},
	{1, "time.Nanosecond"},
}

// duration writes d as a number of the largest unit that it is a multiple of.
// A single unit is how gofmt and people write it: 90 * time.Minute.
func duration(d time.Duration) string {
	for _, unit := range units {
		if d%unit.size == 0 {
			if n := int64(d / unit.size); n != 1 {
				return fmt.Sprintf("%d * %s", n, unit.name)
			}
			return unit.name
		}
	}
	return "" // every duration is a multiple of one nanosecond
}
