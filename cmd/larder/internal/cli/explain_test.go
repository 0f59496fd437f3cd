package cli

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/larderdev/larder"
)

// TestExplain_OfAKey goes the whole way: from the address in the environment to
// the text and the object. What is said is tested in package explain.
func TestExplain_OfAKey(t *testing.T) {
	p := newPurger(t)
	products, _ := p.service()
	if _, err := products.Get(t.Context(), "42", larder.Strict()); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) (int, string) {
		var out, errs strings.Builder
		env := map[string]string{redisURLVar: "redis://" + p.redis.Addr()}
		code := Run(t.Context(), append([]string{"explain", "-C", p.dir}, args...), func(name string) string { return env[name] }, &out, &errs)
		return code, out.String() + errs.String()
	}
	code, text := run("product:42")
	for _, want := range []string{
		"larder:d:{product:42} at " + p.redis.Addr(), "held by      memory unseen, shared yes, edge unseen", "state        fresh", "product-42: current", "products: current", "lease        free",
		"next Get     serve from shared: it is fresh for", "--schema compares",
	} {
		if code != exitOK || !strings.Contains(text, want) {
			t.Errorf("exit %d, want 0 and %q in\n%s", code, want, text)
		}
	}
	code, text = run("product:42", "--json")
	var got struct {
		Schema int
		About  string
		Answer struct {
			State string
			Age   string
			Next  struct{ Action, Tier string }
			ID    string `json:"schema_id"`
		}
	}
	if err := json.Unmarshal([]byte(text), &got); err != nil || code != exitOK || got.Schema != 1 || got.About != "key" ||
		got.Answer.State != "fresh" || got.Answer.Next.Action != "serve" || got.Answer.Next.Tier != "shared" || got.Answer.Age == "" {
		t.Errorf("exit %d, %+v, %v, from %s", code, got, err, text)
	}
	if code, text = run("product:42", "--schema", got.Answer.ID); code != exitOK || !strings.Contains(text, "state        fresh") {
		t.Errorf("with its own schema: exit %d, %s", code, text)
	}
	if code, text = run("product:42", "--schema", "source"); code != exitOK || !strings.Contains(text, "state        fresh") {
		t.Errorf("with the schema of its source: exit %d, %s", code, text)
	}
	if code, text = run("search:shirt", "--schema", "source"); code != exitOK || !strings.Contains(text, "state        missing") {
		t.Errorf("a key that is not there: exit %d, %s", code, text)
	}
	if code, text = run("product:42", "--schema", "1"); code != exitOK || !strings.Contains(text, "state        other-schema") {
		t.Errorf("with another schema: exit %d, %s", code, text)
	}
}
