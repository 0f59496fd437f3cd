package cli

import (
	"context"
	"fmt"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

// versionCommand is larder version, which has more than the flag --version: as JSON,
// and for reports of bugs.
func (a *app) versionCommand() *cobra.Command {
	return a.command("version", "print what was built", noArgs, func(context.Context, []string) error {
		b := readBuild()
		if a.json {
			return a.printJSON(struct {
				head
				build
			}{a.head("version"), b})
		}
		fmt.Fprintln(a.out, versionText(b))
		return nil
	})
}

// build is what the go command has noted in the program.
// A program that go install has made knows its module's version, one from a checkout
// its revision; nothing has to be set when it is linked.
type build struct {
	Version  string `json:"version"` // the module's
	Revision string `json:"revision,omitempty"`
	Modified bool   `json:"modified,omitempty"`
	Go       string `json:"go"`
}

// readBuild asks the runtime. Without module information, as in a build of single
// files, the version says so and is not left empty.
func readBuild() build {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return build{Version: "(built without module information)"}
	}
	b := build{Version: info.Main.Version, Go: info.GoVersion}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Revision = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}

// versionText is the version in one line. A pseudo-version has the revision in it
// already.
func versionText(b build) string {
	text := "larder " + b.Version
	if b.Revision != "" && !strings.Contains(b.Version, b.Revision) {
		text += " " + b.Revision
	}
	return strings.TrimSpace(text + " " + b.Go)
}
