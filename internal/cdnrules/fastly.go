package cdnrules

// fastlyHead begins the snippet for vcl_recv, up to the routes. A purge by URL comes here,
// too, and has to get the same key as a request.
const fastlyHead = `#
# A VCL snippet of Fastly with the type recv. What it does not pass goes on to what
# your service does next.

unset req.http.Larder-Route;
if (req.method == "GET" || req.method == "HEAD" || req.method == "FASTLYPURGE") {
	if (req.url.path ~ {"` + odd + `"}) {
		# Not as browsers write a path: no route is found.
	}`

// fastlyTail ends it. Whether a response may be kept must not reach the origin, nor come
// from a client: the field is unset on every way out.
const fastlyTail = `
	unset req.http.Larder-Query;
	if (req.method != "FASTLYPURGE" && (!req.http.Larder-Route || req.http.Authorization)) {
		unset req.http.Larder-Route;
		return(pass);
	}
	unset req.http.Larder-Route;
}
`

// fastlyFetch is the snippet for vcl_fetch. Surrogate-Control goes before Cache-Control at
// Fastly, so that each is looked at alone.
const fastlyFetch = `#
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

// fastly writes snippets for Fastly's VCL. Strings of the long form are used
// because in others a per cent sign escapes.
func fastly(rules []Rule) *Exported {
	routes := written + fastlyHead + branches(rules, "else if", "req.url.path") + fastlyTail
	return &Exported{Files: []File{{"larder_recv.vcl", routes}, {"larder_fetch.vcl", written + fastlyFetch}}, Notes: []string{}}
}
