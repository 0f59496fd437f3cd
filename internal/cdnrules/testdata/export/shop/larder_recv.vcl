# Written by larder cdn export from the routes of larder.yaml: change those instead.
#
# A VCL snippet of Fastly with the type recv. What it does not pass goes on to what
# your service does next.

unset req.http.Larder-Route;
if (req.method == "GET" || req.method == "HEAD" || req.method == "FASTLYPURGE") {
	if (req.url.path ~ {"^(?!/)|//|/\.\.?(?:/|$)|%(?!0[0-9A-F]|1[0-9A-F]|2[0235]|3[CEF]|5[BCDE]|60|7[BCDF]|[89A-F][0-9A-F])|[^A-Za-z0-9._~!$&'()*+,;=:@%/-]"}) {
		# Not as browsers write a path: no route is found.
	} else if (req.http.host ~ {"(?i)^(?:shop\.example\.com)(?::[0-9]+)?$"} && req.url.path ~ {"^/api/balance$"}) {
		# GET /api/balance: bypass, not stored, class checkout
	} else if (req.http.host ~ {"(?i)^(?:shop\.example\.com)(?::[0-9]+)?$"} && req.url.path ~ {"^/api/categories$"}) {
		# GET /api/categories: cache, edge 10m0s
		set req.http.Larder-Route = "cache";
	} else if (req.http.host ~ {"(?i)^(?:shop\.example\.com)(?::[0-9]+)?$"} && req.url.path ~ {"^/api/products$"}) {
		# GET /api/products: cache, edge 1m0s
		set req.http.Larder-Route = "cache";
		set req.http.Larder-Query = "&" + regsub(req.url, {"^[^?]*\??"}, "");
		set req.http.Larder-Query = regsuball(req.http.Larder-Query, {"&(?!(?:category|page)(?:[=&]|$))[^&]*"}, "");
		set req.url = req.url.path + regsub(req.http.Larder-Query, {"^&"}, "?");
	} else if (req.http.host ~ {"(?i)^(?:shop\.example\.com)(?::[0-9]+)?$"} && req.url.path ~ {"^/api/products/[^/?]+$"}) {
		# GET /api/products/{id}: cache, edge 1h0m0s
		set req.http.Larder-Route = "cache";
		set req.url = req.url.path;
	} else if (req.http.host ~ {"(?i)^(?:shop\.example\.com)(?::[0-9]+)?$"} && req.url.path ~ {"^/api/users/[^/?]+$"}) {
		# GET /api/users/{id}: bypass, private
	} else if (req.http.host ~ {"(?i)^(?:shop\.example\.com)(?::[0-9]+)?$"} && req.url.path ~ {"^/assets/[^/?]+$"}) {
		# GET /assets/{name}: cache, edge 8760h0m0s
		set req.http.Larder-Route = "cache";
	}
	unset req.http.Larder-Query;
	if (req.method != "FASTLYPURGE" && (!req.http.Larder-Route || req.http.Authorization)) {
		unset req.http.Larder-Route;
		return(pass);
	}
	unset req.http.Larder-Route;
}
