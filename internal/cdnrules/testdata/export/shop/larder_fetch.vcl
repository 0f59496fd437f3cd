# Written by larder cdn export from the routes of larder.yaml: change those instead.
#
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
