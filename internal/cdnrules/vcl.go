package cdnrules

import (
	"fmt"
	"strings"
)

// varnish writes VCL 4.1 that is included before larder.vcl: what a purge by URL
// forgets is then found under the same key.
func varnish(rules []Rule) *Exported {
	var b strings.Builder
	b.WriteString(written)
	b.WriteString(`#
# For Varnish 6.6 and later. Include it behind your own vcl_recv, and before
# larder.vcl, so that purges by URL find the same keys:
#
#   vcl 4.1;
#   backend default { .host = "127.0.0.1"; .port = "8080"; }
#   include "/etc/varnish/larder-routes.vcl";
#   include "/etc/varnish/larder.vcl";
#
# How long a response is kept its own header says; without a lifetime it is not.

# Sets Larder-Route if the response may be kept, and takes out of the URL the
# parameters that it does not depend on.
sub larder_route {
	unset req.http.Larder-Route;
	set req.http.Larder-Path = regsub(req.url, {"\?.*$"}, "");
	if (req.http.Larder-Path ~ {"` + odd + `"}) {
		# Not as browsers write a path: no route is found.
	}`)
	for i := range rules {
		writeBranch(&b, &rules[i], "elsif", "req.http.Larder-Path")
	}
	b.WriteString(`
	unset req.http.Larder-Path;
	unset req.http.Larder-Query;
}

sub vcl_recv {
	if (req.method == "GET" || req.method == "HEAD") {
		call larder_route;
		if (!req.http.Larder-Route || req.http.Authorization) {
			return (pass);
		}
		return (hash);
	}
	if (req.method == "PURGE") {
		call larder_route;
	} elsif (req.method != "BAN") {
		return (pass);
	}
}

sub vcl_backend_fetch {
	unset bereq.http.Larder-Route;
}

sub vcl_backend_response {
	if (beresp.http.Set-Cookie ||
		beresp.http.Vary ~ {"(?:^|,) *\*"} ||
		beresp.http.Cache-Control ~ {"(?i)(?:^|[ ,])(?:no-store|no-cache|private)"} ||
		(!beresp.http.Expires && beresp.http.Cache-Control !~ {"(?i)(?:^|[ ,])(?:s-maxage|max-age) *="})) {
		# For so long requests for it do not wait for each other.
		set beresp.ttl = 120s;
		set beresp.uncacheable = true;
	}
}
`)
	return &Exported{Files: []File{{"larder-routes.vcl", b.String()}}, Notes: []string{}}
}

// writeBranch writes the branch of a route; path is where the path is. Strings of
// the long form have no escapes, and none of these has the two characters that end
// one.
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

// fastly writes snippets for Fastly's VCL. Strings of the long form are used
// because in others a per cent sign escapes.
func fastly(rules []Rule) *Exported {
	var b strings.Builder
	b.WriteString(written)
	b.WriteString(`#
# A VCL snippet of Fastly with the type recv. What it does not pass goes on to what
# your service does next.

unset req.http.Larder-Route;
if (req.method == "GET" || req.method == "HEAD" || req.method == "FASTLYPURGE") {
	if (req.url.path ~ {"` + odd + `"}) {
		# Not as browsers write a path: no route is found.
	}`)
	for i := range rules {
		writeBranch(&b, &rules[i], "else if", "req.url.path")
	}
	b.WriteString(`
	unset req.http.Larder-Query;
	if (req.method != "FASTLYPURGE" && (!req.http.Larder-Route || req.http.Authorization)) {
		unset req.http.Larder-Route;
		return(pass);
	}
	unset req.http.Larder-Route;
}
`)
	fetch := written + `#
# A VCL snippet of Fastly with the type fetch. Fastly keeps what has no lifetime for
# its default time, and does not heed no-store in Cache-Control: a response is kept
# only if its header says for how long.

if (beresp.http.Set-Cookie || beresp.http.Vary ~ {"(?:^|,) *\*"}) {
	return(pass);
}
if (beresp.http.Surrogate-Control) {
	if (beresp.http.Surrogate-Control ~ {"(?i)(?:^|[ ,])(?:no-store|private)"} ||
		beresp.http.Surrogate-Control !~ {"(?i)(?:^|[ ,])max-age *="}) {
		return(pass);
	}
} else if (beresp.http.Cache-Control ~ {"(?i)(?:^|[ ,])(?:no-store|no-cache|private)"} ||
	(!beresp.http.Expires && beresp.http.Cache-Control !~ {"(?i)(?:^|[ ,])(?:s-maxage|max-age) *="})) {
	return(pass);
}
`
	return &Exported{Files: []File{{"larder_recv.vcl", b.String()}, {"larder_fetch.vcl", fetch}}, Notes: []string{}}
}
