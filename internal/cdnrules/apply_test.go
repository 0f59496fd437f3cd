package cdnrules_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larderdev/larder/internal/cdnrules"
	"github.com/larderdev/larder/internal/cdnrules/cftest"
	"github.com/larderdev/larder/policy"
)

func TestApply_ConcurrentChange(t *testing.T) {
	t.Run("between plan and apply", func(t *testing.T) {
		zone, open := newZone(t, "pro")
		c := open(shop())
		zone.Edit(foreign("one"))
		p := plan(t, c)
		zone.Edit(foreign("two"))
		before := fmt.Sprint(zone.Rules())
		if err := c.Apply(t.Context(), p); !errors.Is(err, cdnrules.ErrChanged) {
			t.Errorf("got %v, want %v", err, cdnrules.ErrChanged)
		}
		if after := fmt.Sprint(zone.Rules()); after != before {
			t.Errorf("the rules are now\n%s\nwere\n%s", after, before)
		}
	})
	t.Run("the list appears", func(t *testing.T) {
		for _, when := range []string{"before", "while"} {
			zone, open := newZone(t, "pro")
			c := open(shop())
			p := plan(t, c)
			if when == "before" {
				zone.Edit(foreign("one"))
			} else {
				zone.Before = func(_ http.ResponseWriter, r *http.Request) bool {
					if r.Method == http.MethodPost {
						zone.Edit(foreign("one"))
					}
					return false
				}
			}
			if err := c.Apply(t.Context(), p); !errors.Is(err, cdnrules.ErrChanged) {
				t.Errorf("%s: got %v, want %v", when, err, cdnrules.ErrChanged)
			}
			if got := order(zone); got != "f" {
				t.Errorf("%s: the rules are %q", when, got)
			}
		}
	})
	// Somebody adds, edits, deletes and moves while the plan is applied.
	edits := map[string]func([]cftest.Rule) []cftest.Rule{
		"add":  foreign("new"),
		"edit": func(rules []cftest.Rule) []cftest.Rule { rules[0].Expression = "true"; return rules },
		"delete": func(rules []cftest.Rule) []cftest.Rule {
			return rules[1:]
		},
		"move": func(rules []cftest.Rule) []cftest.Rule {
			rules[0], rules[1] = rules[1], rules[0]
			return rules
		},
		"edit ours": func(rules []cftest.Rule) []cftest.Rule {
			for i := range rules {
				if strings.HasPrefix(rules[i].Ref, "larder_main_cache") {
					rules[i].Enabled = false
				}
			}
			return rules
		},
	}
	for name, edit := range edits {
		for _, moment := range []int{1, 2} {
			t.Run(fmt.Sprintf("%s after %d writes", name, moment), func(t *testing.T) {
				zone, open := newZone(t, "pro")
				zone.Edit(foreign("one", "two"))
				c := open(shop())
				apply(t, c)
				p := shop()
				p.Routes["GET /api/x"] = policy.Route{NoStore: true}
				p.Routes["GET /api/y"] = policy.Route{Edge: time.Hour, Vary: []string{"X-Y"}}
				p.Routes["GET /api/z"] = policy.Route{Edge: time.Hour, Vary: []string{"X-Z"}}
				c = open(p)
				changes := plan(t, c)
				writes := 0
				var want string
				zone.Before = func(_ http.ResponseWriter, r *http.Request) bool {
					if r.Method == http.MethodGet {
						return false
					}
					if writes++; writes == moment+1 {
						zone.Edit(edit)
						want = others(zone)
					}
					return false
				}
				err := c.Apply(t.Context(), changes)
				var partial *cdnrules.PartialError
				if !errors.Is(err, cdnrules.ErrChanged) || !errors.As(err, &partial) || partial.Done != moment+1 || partial.Total != len(changes.Changes) {
					t.Fatalf("got %v, want %v after %d of %d", err, cdnrules.ErrChanged, moment+1, len(changes.Changes))
				}
				if writes != moment+1 {
					t.Errorf("%d writes, want none after the one that noticed", writes)
				}
				if got := others(zone); got != want {
					t.Errorf("rules of others are\n%swant\n%s", got, want)
				}
				zone.Before = nil
				apply(t, c)
			})
		}
	}
	t.Run("after the last write", func(t *testing.T) {
		zone, open := newZone(t, "pro")
		zone.Edit(foreign("one"))
		c := open(shop())
		p := plan(t, c)
		writes := 0
		zone.After = func(*http.Request) {
			if writes++; writes == len(p.Changes) {
				// Behind the answer: only the last reading can see it.
				zone.After = nil
				zone.Before = func(_ http.ResponseWriter, r *http.Request) bool {
					if r.Method == http.MethodGet {
						zone.Before = nil
						zone.Edit(foreign("two"))
					}
					return false
				}
			}
		}
		if err := c.Apply(t.Context(), p); !errors.Is(err, cdnrules.ErrChanged) {
			t.Errorf("got %v, want %v", err, cdnrules.ErrChanged)
		}
	})
}

// refuseWith answers writes with a status, from the one with the number on.
func refuseWith(zone *cftest.Zone, status, from, times int, header http.Header) *int {
	seen, refused := 0, 0
	zone.Before = func(w http.ResponseWriter, r *http.Request) bool {
		if seen++; seen < from || refused >= times {
			return false
		}
		refused++
		maps.Copy(w.Header(), header)
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"success":false,"errors":[{"code":%d,"message":"refused %s in %s"}],"messages":[],"result":null}`, status, token, zoneID)
		return true
	}
	return &refused
}

func TestPlan_Refused(t *testing.T) {
	for _, status := range []int{400, 401, 403, 429, 500, 503} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			zone, open := newZone(t, "free")
			c := open(shop())
			refused := refuseWith(zone, status, 1, 100, nil)
			synctest.Test(t, func(t *testing.T) {
				_, err := c.Plan(t.Context())
				checkRefusal(t, err, status)
				if want := map[bool]int{true: 5, false: 1}[status == 429 || status >= 500]; *refused != want {
					t.Errorf("%d requests, want %d", *refused, want)
				}
			})
		})
	}
}

func checkRefusal(t *testing.T, err error, status int) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	text := fmt.Sprintf("%v %+v %#v", err, err, err)
	if strings.Contains(text, token) || strings.Contains(text, zoneID) {
		t.Errorf("a secret is in the error: %s", text)
	}
	if !strings.Contains(text, fmt.Sprint(status)) || !strings.Contains(text, "refused [secret] in [secret]") {
		t.Errorf("the error does not tell: %s", text)
	}
	if hint := strings.Contains(text, "Zone > Cache Rules > Edit"); hint != (status == 401 || status == 403) {
		t.Errorf("the rights are told: %t, in %s", hint, text)
	}
}

func TestApply_PartialFailure(t *testing.T) {
	for _, status := range []int{400, 403, 500} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			zone, open := newZone(t, "pro")
			zone.Edit(foreign("one"))
			c := open(shop())
			p := plan(t, c)
			// Plan and apply have read once each; two writes pass.
			refused := refuseWith(zone, status, 4, 1, nil)
			err := c.Apply(t.Context(), p)
			checkRefusal(t, err, status)
			var partial *cdnrules.PartialError
			if !errors.As(err, &partial) || partial.Done != 2 || partial.Total != len(p.Changes) {
				t.Errorf("got %v, want 2 of %d", err, len(p.Changes))
			}
			if *refused != 1 {
				t.Errorf("%d requests were refused: one that writes was made again", *refused)
			}
			if got := order(zone); !strings.HasPrefix(got, "f") || !strings.HasSuffix(got, "b") {
				t.Errorf("the rules are %q: the bypass was not written first", got)
			}
			zone.Before = nil
			if again := plan(t, c); len(again.Changes) != len(p.Changes)-2 {
				t.Errorf("%d changes are left, want %d", len(again.Changes), len(p.Changes)-2)
			}
			apply(t, c)
		})
	}
}

// losing is a network that loses the answer to a write.
type losing struct {
	direct
	write, at int
}

func (l *losing) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := l.direct.RoundTrip(r)
	if r.Method != http.MethodGet {
		if l.write++; l.write == l.at {
			return nil, errors.New("the connection was cut on the way to " + r.URL.String())
		}
	}
	return answer, err
}

// TestApply_LostAnswer: the rule was written, and nobody knows.
func TestApply_LostAnswer(t *testing.T) {
	zone, open := newZone(t, "pro")
	zone.Edit(foreign("one"))
	network := &losing{direct: direct{zone}, at: 2}
	c, err := cdnrules.NewCloudflare(shop(), cdn(), cdnrules.Options{Plan: "pro", HTTP: &http.Client{Transport: network}})
	if err != nil {
		t.Fatal(err)
	}
	p := plan(t, c)
	err = c.Apply(t.Context(), p)
	var partial *cdnrules.PartialError
	if !errors.As(err, &partial) || partial.Done != 1 || network.write != 2 {
		t.Fatalf("got %v after %d writes, want 1 change and no third write", err, network.write)
	}
	if strings.Contains(err.Error(), zoneID) {
		t.Errorf("a secret is in the error: %v", err)
	}
	if again := plan(t, open(shop())); len(again.Changes) != len(p.Changes)-2 {
		t.Errorf("%d changes are left, want %d", len(again.Changes), len(p.Changes)-2)
	}
	apply(t, open(shop()))
}

func TestApply_WaitsWhenToldTo(t *testing.T) {
	zone, open := newZone(t, "pro")
	zone.Edit(foreign("one"))
	c := open(shop())
	synctest.Test(t, func(t *testing.T) {
		p := plan(t, c)
		refused := refuseWith(zone, http.StatusTooManyRequests, 2, 2, http.Header{"Retry-After": {"7"}})
		began := time.Now()
		if err := c.Apply(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(began); waited != 14*time.Second || *refused != 2 {
			t.Errorf("%d refusals, waited %v, want 2 and 14s", *refused, waited)
		}
		if p := plan(t, c); !p.Empty() {
			t.Errorf("the plan is\n%s", p)
		}
		// An hour is not waited for.
		zone.Edit(func(rules []cftest.Rule) []cftest.Rule { return rules[:1] })
		p = plan(t, c)
		refuseWith(zone, http.StatusTooManyRequests, 2, 100, http.Header{"Retry-After": {"3600"}})
		began = time.Now()
		if err := c.Apply(t.Context(), p); err == nil || time.Since(began) > time.Minute {
			t.Errorf("got %v after %v", err, time.Since(began))
		}
	})
}

// forgetful is an API that takes rules and silently leaves a setting out.
type forgetful struct{ direct }

func (f forgetful) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	key := []byte(`"cache_key":{"custom_key":{"query_string":{"exclude":{"all":true}}}},`)
	r.Body = io.NopCloser(bytes.NewReader(bytes.ReplaceAll(body, key, nil)))
	return f.direct.RoundTrip(r)
}

func TestApply_SettingNotTaken(t *testing.T) {
	zone, _ := newZone(t, "pro")
	c, err := cdnrules.NewCloudflare(shop(), cdn(), cdnrules.Options{Plan: "pro", HTTP: &http.Client{Transport: forgetful{direct{zone}}}})
	if err != nil {
		t.Fatal(err)
	}
	p := plan(t, c)
	err = c.Apply(t.Context(), p)
	var partial *cdnrules.PartialError
	if !errors.As(err, &partial) || partial.Done != len(p.Changes) || !strings.Contains(err.Error(), "did not take the rules as they were sent") {
		t.Errorf("got %v", err)
	}
}

func TestPlan_JSON(t *testing.T) {
	_, open := newZone(t, "free")
	c := open(shop())
	text, err := json.Marshal(plan(t, c))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"version":""`, `"changes":[{"kind":"create","ref":"larder_main_bypass_`, `"after":{"description":"bypass GET /api/balance`, `"action_parameters":{"cache":false},"enabled":true}`, `"foreign":0`, `"notes":["GET /api/products: `} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%s is not in %s", want, text)
		}
	}
	if strings.Contains(string(text), zoneID) || strings.Contains(string(text), token) {
		t.Errorf("a secret is in %s", text)
	}
	apply(t, c)
	if text, err = json.Marshal(plan(t, c)); err != nil || !strings.Contains(string(text), `"changes":[],`) {
		t.Errorf("an empty plan is %s, %v", text, err)
	}
}
