package purgetest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/larderdev/larder/purge"
	"github.com/larderdev/larder/purge/purgeapi"
	"github.com/larderdev/larder/purge/purgetest"
)

// mutant is a purger with one mistake. The zero value has none.
type mutant struct {
	client purgeapi.Client
	base   string
	limits purge.Limits
	// mistake wraps one call.
	mistake func(m *mutant, ctx context.Context, p purge.Purge) error
	// Token is where a purger must not have its token.
	Token string
	name  func() string
}

func (m *mutant) Name() string {
	if m.name != nil {
		return m.name()
	}
	return m.client.Target
}

func (m *mutant) Limits() purge.Limits { return m.limits }

func (m *mutant) Purge(ctx context.Context, p purge.Purge) error {
	if m.mistake != nil {
		return m.mistake(m, ctx, p)
	}
	return m.right(ctx, p)
}

// right is a call without a mistake.
func (m *mutant) right(ctx context.Context, p purge.Purge) error {
	if err := m.client.Check(p, m.limits); err != nil {
		return err
	}
	_, err := m.client.Call(ctx, m.request(p))
	return err
}

func (m *mutant) request(p purge.Purge) purgeapi.Request {
	return purgeapi.Request{
		Method: "POST", URL: m.base + "/purge", Body: []byte(strings.Join(p.Tags, " ")),
		Header: http.Header{"Key": {"s3cr3t"}},
	}
}

// naked makes a call as a client without package purgeapi might.
func (m *mutant) naked(ctx context.Context, p purge.Purge, judge func(*http.Response, error) error) error {
	if err := m.client.Check(p, m.limits); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, "POST", m.base+"/purge", strings.NewReader(strings.Join(p.Tags, " ")))
	if err != nil {
		return err
	}
	r.Header.Set("Key", "s3cr3t")
	resp, err := m.client.HTTP.Do(r)
	if err == nil {
		defer resp.Body.Close()
	}
	return judge(resp, err)
}

// mutants are mistakes, and the part of the kit that must notice each.
func mutants() map[string]func(m *mutant) {
	edit := func(change func(e *purge.Error)) func(m *mutant) {
		return func(m *mutant) {
			m.mistake = func(m *mutant, ctx context.Context, p purge.Purge) error {
				err := m.right(ctx, p)
				if e := (*purge.Error)(nil); errors.As(err, &e) {
					change(e)
				}
				return err
			}
		}
	}
	calls := 0
	return map[string]func(m *mutant){
		"call/tags: the wrong path":       func(m *mutant) { m.base += "/v2" },
		"failure/500: ignores the answer": ignore,
		"failure/429_with_seconds: no After": edit(func(e *purge.Error) {
			e.After = 0
		}),
		"failure/400: never final":  edit(func(e *purge.Error) { e.Final = false }),
		"failure/503: always final": edit(func(e *purge.Error) { e.Final = true }),
		"failure/500: tries again": func(m *mutant) {
			m.mistake = func(m *mutant, ctx context.Context, p purge.Purge) error {
				if err := m.right(ctx, p); err == nil {
					return nil
				}
				return m.right(ctx, p)
			}
		},
		"failure/500: an error of another kind": func(m *mutant) {
			m.mistake = func(m *mutant, ctx context.Context, p purge.Purge) error {
				if err := m.right(ctx, p); err != nil {
					return fmt.Errorf("purge: %w", err)
				}
				return nil
			}
		},
		"failure/500: another target": edit(func(e *purge.Error) { e.Target = "other" }),
		"name_and_limits: a name that changes": func(m *mutant) {
			m.name = func() string { calls++; return fmt.Sprint(calls) }
		},
		"name_and_limits: nothing to purge":       func(m *mutant) { m.limits.Tags = 0 },
		"name_and_limits: a rate without a burst": func(m *mutant) { m.limits.Rate = 1 },
		"tags_that: all tags":                     func(m *mutant) { m.limits.Tag = func(string) error { return nil } },
		"tags_that: no function":                  func(m *mutant) { m.limits.Tag = nil },
		"what_is_beyond: no check": func(m *mutant) {
			m.mistake = func(m *mutant, ctx context.Context, p purge.Purge) error {
				_, err := m.client.Call(ctx, m.request(p))
				return err
			}
		},
		"what_the_limits_allow: cuts the list": func(m *mutant) {
			m.mistake = func(m *mutant, ctx context.Context, p purge.Purge) error {
				if err := m.client.Check(p, m.limits); err != nil {
					return err
				}
				p.Tags = p.Tags[:min(len(p.Tags), 5)]
				return m.right(ctx, p)
			}
		},
		"redirects: follows": func(m *mutant) {
			m.mistake = func(m *mutant, ctx context.Context, p purge.Purge) error {
				return m.naked(ctx, p, func(resp *http.Response, err error) error {
					if err != nil || resp.StatusCode > 299 {
						return m.client.Fail(purgeapi.Answer{}, "failed", false)
					}
					return nil
				})
			}
		},
		"a_connection_that_is_cut: final": edit(func(e *purge.Error) { e.Final = true }),
		"an_answer_that_ends_early: does not read it": func(m *mutant) {
			m.mistake = func(m *mutant, ctx context.Context, p purge.Purge) error {
				err := m.right(ctx, p)
				if e := (*purge.Error)(nil); errors.As(err, &e) && e.Status == 200 {
					return nil
				}
				return err
			}
		},
		"a_call_ends_when: ignores the context": func(m *mutant) {
			m.mistake = func(m *mutant, ctx context.Context, p purge.Purge) error {
				return m.right(context.WithoutCancel(ctx), p)
			}
		},
		"a_call_ends_by_itself: no timeout": func(m *mutant) { m.client.Timeout = time.Hour },
		"a_huge_answer: reads it all": func(m *mutant) {
			m.mistake = func(m *mutant, ctx context.Context, p purge.Purge) error {
				return m.naked(ctx, p, func(resp *http.Response, err error) error {
					if err != nil {
						return m.client.Fail(purgeapi.Answer{}, "failed", false)
					}
					n, err := io.Copy(io.Discard, resp.Body)
					if err != nil || n > 1000 || resp.StatusCode > 299 {
						return m.client.Fail(purgeapi.Answer{Status: resp.StatusCode}, "failed", false)
					}
					return nil
				})
			}
		},
		"no_error_and_no_print: the token in a field": func(m *mutant) { m.Token = "s3cr3t" },
		"no_error_and_no_print: the answer in an error": func(m *mutant) {
			m.client.Secrets = nil
		},
		"calls_may_be_made: two requests": func(m *mutant) {
			m.mistake = func(m *mutant, ctx context.Context, p purge.Purge) error {
				if err := m.right(ctx, p); err != nil {
					return err
				}
				return m.right(ctx, p)
			}
		},
	}
}

// ignore makes a call and takes no notice of what comes back, as much published
// code does.
func ignore(m *mutant) {
	m.mistake = func(m *mutant, ctx context.Context, p purge.Purge) error {
		if err := m.client.Check(p, m.limits); err != nil {
			return err
		}
		_, _ = m.client.Call(ctx, m.request(p))
		return nil
	}
}

const chosen = "LARDER_PURGETEST_MUTANT"

// TestMutant runs the kit on the purger that the environment chooses, by
// default the one without a mistake.
func TestMutant(t *testing.T) {
	change := mutants()[os.Getenv(chosen)]
	if change == nil && os.Getenv(chosen) != "" {
		t.Fatalf("no mutant is named %q", os.Getenv(chosen))
	}
	purgetest.Test(t, purgetest.Kit{
		New: func(_ *testing.T, base string, client *http.Client) purge.Purger {
			m := &mutant{
				client: purgeapi.Client{Target: "cdn", HTTP: client, Secrets: []purgeapi.Secret{purgeapi.NewSecret("s3cr3t")}},
				base:   base,
				limits: purge.Limits{Tags: 10, Tag: purgeapi.PrintableTag(100, " ")},
			}
			if change != nil {
				change(m)
			}
			return m
		},
		Secrets: []string{"s3cr3t"},
		Calls: []purgetest.Call{{
			Name: "tags", Purge: purge.Purge{Tags: []string{"a", "b"}},
			Want: []purgetest.Request{{
				Method: "POST", Path: "/purge", Body: "a b", Header: map[string]string{"Key": "s3cr3t", "Cookie": "", "User-Agent": "*"},
			}},
		}},
	})
}

// TestKit_NoticesMistakes holds the kit to what it promises: each mutant fails
// where it is wrong.
func TestKit_NoticesMistakes(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name := range mutants() {
		t.Run(name, func(t *testing.T) {
			where, _, _ := strings.Cut(name, ":")
			cmd := exec.Command(exe, "-test.run=^TestMutant$", "-test.v", "-test.timeout=1m")
			cmd.Env = append(os.Environ(), chosen+"="+name)
			out, err := cmd.CombinedOutput()
			if err == nil {
				t.Error("the kit notices nothing")
			}
			failed := false
			for line := range strings.Lines(string(out)) {
				failed = failed || strings.Contains(line, "--- FAIL: TestMutant/"+where)
			}
			if !failed {
				t.Errorf("%q has not failed:\n%.3000s", where, out)
			}
		})
	}
}
