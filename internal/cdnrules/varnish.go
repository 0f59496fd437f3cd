package cdnrules

// varnishHead begins the file, up to the routes.
const varnishHead = `#
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
	}`

// varnishTail ends it. A response that is not kept is marked for a while (hit-for-miss):
// without the mark Varnish would have requests for it wait for each other, one by one.
const varnishTail = `
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
`

// varnish writes VCL 4.1 that is included before larder.vcl: what a purge by URL
// forgets is then found under the same key.
func varnish(rules []Rule) *Exported {
	routes := written + varnishHead + branches(rules, "elsif", "req.http.Larder-Path") + varnishTail
	return &Exported{Files: []File{{"larder-routes.vcl", routes}}, Notes: []string{}}
}
