package cdnrules

import (
	"fmt"
	"strings"
)

// branches returns the branches of all routes; otherwise is how the language begins one
// behind another, and path is where the path is.
func branches(rules []Rule, otherwise, path string) string {
	var b strings.Builder
	for i := range rules {
		writeBranch(&b, &rules[i], otherwise, path)
	}
	return b.String()
}

// writeBranch writes the branch of a route; path is where the path is. Strings of the
// long form have no escapes, and none of these has the two characters that end one. The
// host is compared without its port and without regard to capitals, as names of hosts
// are (RFC 9110, section 4.2.3).
func writeBranch(b *strings.Builder, r *Rule, otherwise, path string) {
	condition := fmt.Sprintf(`%s ~ {"^%s$"}`, path, r.pattern.regexp())
	if len(r.Hosts) > 0 {
		condition = fmt.Sprintf(`req.http.host ~ {"(?i)^%s(?::[0-9]+)?$"} && `, hostRegexp(r.Hosts)) + condition
	}
	fmt.Fprintf(b, " %s (%s) {\n\t\t# %s\n", otherwise, condition, r.comment())
	if r.Action == Cache {
		b.WriteString("\t\tset req.http.Larder-Route = \"cache\";\n")
		if r.Query != nil {
			writeQuery(b, r.Query, path)
		}
	}
	b.WriteString("\t}")
}

// writeQuery leaves names in the query. Each parameter gets a "&" before it, and
// goes with it. Fastly has functions for this, but does not say whether they
// decode names: then a parameter would be kept that only the service understands.
// A regular expression that Fastly gives up leaves all parameters where they are:
// the same for the key and for the service.
func writeQuery(b *strings.Builder, names []string, path string) {
	if len(names) == 0 {
		fmt.Fprintf(b, "\t\tset req.url = %s;\n", path)
		return
	}
	fmt.Fprintf(b, `		set req.http.Larder-Query = "&" + regsub(req.url, {"^[^?]*\??"}, "");
		set req.http.Larder-Query = regsuball(req.http.Larder-Query, {"&(?!%s(?:[=&]|$))[^&]*"}, "");
		set req.url = %s + regsub(req.http.Larder-Query, {"^&"}, "?");
`, namesRegexp(names), path)
}
