package cli

import (
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/larderdev/larder/cmd/larder/internal/keystate"
)

// TestGuide_NamesEverything: a command, a flag that all have, a state or a
// variable that the guide does not name is one that nobody finds.
func TestGuide_NamesEverything(t *testing.T) {
	data, err := os.ReadFile("../../../../docs/cli.md")
	if err != nil {
		t.Fatal(err)
	}
	guide := string(data)
	want := []string{redisURLVar, redisUserVar, redisPasswordVar, akamaiClientTokenVar, akamaiClientSecretVar, "NO_COLOR"}
	root := (&app{}).newRoot()
	for _, c := range root.Commands() {
		want = append(want, "`"+c.Name())
	}
	root.PersistentFlags().VisitAll(func(f *pflag.Flag) { want = append(want, "`--"+f.Name) })
	for _, s := range []keystate.State{
		keystate.Unknown, keystate.Never, keystate.MemoryOnly, keystate.Missing, keystate.Fresh, keystate.Stale, keystate.Expired, keystate.Negative,
		keystate.Soft, keystate.Invalidated, keystate.Tombstone, keystate.Intent, keystate.OtherSchema, keystate.Damaged, keystate.Foreign,
	} {
		want = append(want, "`"+string(s)+"`")
	}
	for _, text := range want {
		if !strings.Contains(guide, text) {
			t.Errorf("docs/cli.md does not name %s", text)
		}
	}
}

// TestCommands_HaveAPage: each says in a line what it does, and takes --json.
func TestCommands_HaveAPage(t *testing.T) {
	var check func(c *cobra.Command)
	check = func(c *cobra.Command) {
		if c.Short == "" || strings.HasSuffix(c.Short, ".") != (c.Name() == "larder") {
			t.Errorf("%s: %q, want a line without a full stop", c.CommandPath(), c.Short)
		}
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if f.Usage == "" {
				t.Errorf("%s: --%s says nothing of itself", c.CommandPath(), f.Name)
			}
		})
		for _, sub := range c.Commands() {
			check(sub)
		}
	}
	check((&app{}).newRoot())
}

// TestPainted: colours are for terminals, and NO_COLOR switches them off.
func TestPainted(t *testing.T) {
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("there is no terminal to be had: ", err)
	}
	t.Cleanup(func() { _ = terminal.Close() })
	for _, tt := range []struct {
		out  any
		env  map[string]string
		want string
	}{
		{terminal, nil, "\x1b[31mx\x1b[0m"},
		{terminal, map[string]string{"NO_COLOR": "1"}, "x"},
		{terminal, map[string]string{"TERM": "dumb"}, "x"},
		{&strings.Builder{}, nil, "x"},
	} {
		a := &app{env: env{getenv: func(name string) string { return tt.env[name] }}}
		a.out = tt.out.(interface {
			Write([]byte) (int, error)
		})
		if got := string(a.painted(red, "x")); got != tt.want {
			t.Errorf("painted(%T, %v) = %q, want %q", tt.out, tt.env, got, tt.want)
		}
	}
}
