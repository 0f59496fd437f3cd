package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/larderdev/larder/internal/cdnrules"
)

// checked is a flag for a text that is looked at when the command line is read, so
// that a wrong one is a wrong command line whatever the command does with it.
type checked struct {
	text *string
	look func(text string) error
}

// String returns the text.
func (c checked) String() string {
	if c.text == nil {
		return ""
	}
	return *c.text
}

// Type is what the page of a command calls a value without a name.
func (checked) Type() string { return "string" }

// Set takes a text that is right. The error does not repeat one that may hold a
// password.
func (c checked) Set(text string) error {
	if err := c.look(text); err != nil {
		return err
	}
	*c.text = text
	return nil
}

// checkedVar defines a flag whose default is what is in dst.
// The default is not looked at: cobra sets nothing where the flag is not there.
func checkedVar(cmd *cobra.Command, dst *string, name, usage string, look func(string) error) {
	cmd.Flags().Var(checked{dst, look}, name, usage)
}

// oneOf is for flags that know all their values.
func oneOf(names []string) func(string) error {
	return func(text string) error {
		if slices.Contains(names, text) {
			return nil
		}
		return fmt.Errorf("it is %q, want %s", text, strings.Join(names, ", "))
	}
}

// planVar, ownerVar and apiVar define the flags about a zone of Cloudflare.
// The package that has the options looks at the values, so that the command line and
// the API refuse the same ones.
func planVar(cmd *cobra.Command, dst *string) {
	checkedVar(cmd, dst, "plan", "plan of the zone of Cloudflare: free, pro, business or enterprise (default \"free\")",
		func(text string) error { return cdnrules.Options{Plan: text}.Check() })
}

// ownerVar: see planVar.
func ownerVar(cmd *cobra.Command, dst *string) {
	checkedVar(cmd, dst, "owner", "`name` that tells the rules of services that share a zone apart (default \"main\")",
		func(text string) error { return cdnrules.Options{Owner: text}.Check() })
}

// apiVar: see planVar. A gateway's URL may hold a password, which no error repeats.
func apiVar(cmd *cobra.Command, dst *string) {
	checkedVar(cmd, dst, "api", "`URL` of Cloudflare's API, for a gateway (default: Cloudflare's)",
		func(text string) error { return cdnrules.Options{BaseURL: text}.Check() })
}

// flagError names the nearest flag, or the flag whose value is wrong.
// cobra has no type for a flag that it does not know, so that its text is read. If that
// changes, the hint is gone and the error stays.
func flagError(cmd *cobra.Command, err error) error {
	next := cmd.CommandPath() + " --help lists the flags"
	var value *pflag.InvalidValueError
	if errors.As(err, &value) {
		// pflag's own text would repeat the value, which may hold a password.
		if _, own := value.GetFlag().Value.(checked); own {
			return usagef(next, "--%s: %w", value.GetFlag().Name, value.Unwrap())
		}
	}
	text := err.Error()
	if name, ok := strings.CutPrefix(text, "unknown flag: --"); ok {
		var all []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { all = append(all, f.Name) })
		next = didYouMean("--", name, all, next)
	}
	return usagef(next, "%s", text)
}
