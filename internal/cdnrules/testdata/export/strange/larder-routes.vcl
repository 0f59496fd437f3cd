# Written by larder cdn export from the routes of larder.yaml: change those instead.
#
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
	if (req.http.Larder-Path ~ {"^(?!/)|//|/\.\.?(?:/|$)|%(?!0[0-9A-F]|1[0-9A-F]|2[0235]|3[CEF]|5[BCDE]|60|7[BCDF]|[89A-F][0-9A-F])|[^A-Za-z0-9._~!$&'()*+,;=:@%/-]"}) {
		# Not as browsers write a path: no route is found.
	} elsif (req.http.host ~ {"(?i)^(?:www\.example\.com)(?::[0-9]+)?$"} && req.http.Larder-Path ~ {"^/[^?]*$"}) {
		# GET www.example.com/: cache, edge 1h0m0s
		set req.http.Larder-Route = "cache";
	} elsif (req.http.Larder-Path ~ {"^/a%20b/%C3%BC\*%22%7D\$;/x\.y/[^/?]+/$"}) {
		# GET /a b/ü*"}$;/x.y/{id}/{$}: cache, edge 1h0m0s
		set req.http.Larder-Route = "cache";
		set req.http.Larder-Query = "&" + regsub(req.url, {"^[^?]*\??"}, "");
		set req.http.Larder-Query = regsuball(req.http.Larder-Query, {"&(?!(?:(?:%24|\$)(?:%7B|%7b|\{)x(?:%7D|%7d|\})|a(?:%26)b|a(?:%5C|%5c|\x5C)|filter(?:%5B|%5b|\[)a(?:%5D|%5d|\])|q(?:%2E|%2e|\.)x)(?:[=&]|$))[^&]*"}, "");
		set req.url = req.http.Larder-Path + regsub(req.http.Larder-Query, {"^&"}, "?");
	} elsif (req.http.Larder-Path ~ {"^/api/balance$"}) {
		# GET /api/balance: bypass, not stored, class checkout
	} elsif (req.http.Larder-Path ~ {"^/api/categories$"}) {
		# GET /api/categories: cache, edge 10m0s
		set req.http.Larder-Route = "cache";
	} elsif (req.http.Larder-Path ~ {"^/api/products$"}) {
		# GET /api/products: cache, edge 1m0s
		set req.http.Larder-Route = "cache";
		set req.http.Larder-Query = "&" + regsub(req.url, {"^[^?]*\??"}, "");
		set req.http.Larder-Query = regsuball(req.http.Larder-Query, {"&(?!(?:category|page)(?:[=&]|$))[^&]*"}, "");
		set req.url = req.http.Larder-Path + regsub(req.http.Larder-Query, {"^&"}, "?");
	} elsif (req.http.Larder-Path ~ {"^/api/products/[^/?]+$"}) {
		# GET /api/products/{id}: cache, edge 1h0m0s
		set req.http.Larder-Route = "cache";
		set req.url = req.http.Larder-Path;
	} elsif (req.http.Larder-Path ~ {"^/api/users/[^/?]+$"}) {
		# GET /api/users/{id}: bypass, private
	} elsif (req.http.Larder-Path ~ {"^/assets/[^/?]+$"}) {
		# GET /assets/{name}: cache, edge 8760h0m0s
		set req.http.Larder-Route = "cache";
	} elsif (req.http.Larder-Path ~ {"^/assets/[^?]*$"}) {
		# GET /assets/: bypass, not stored
	}
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
