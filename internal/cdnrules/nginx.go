package cdnrules

import (
	"fmt"
	"slices"
	"strings"
)

// nginxMaps begins the file for the block http, up to the routes. A path is taken from
// $request_uri, as it was sent: $uri is decoded, and of it a pattern would match more.
const nginxMaps = `#
# Include it in the block http, with larder.conf, and larder-location.conf in the
# location that passes requests on:
#
#   include /etc/nginx/larder.conf;
#   include /etc/nginx/larder-routes.conf;
#   upstream shop { server 127.0.0.1:8080; }
#   server {
#       listen 80;
#       location / {
#           include /etc/nginx/larder-location.conf;
#           proxy_set_header Host $host;
#           proxy_pass http://shop$larder_uri;
#       }
#   }
#
# How long a response is kept its own header says; without a lifetime it is not.
# Set no proxy_cache_valid: it would say otherwise.

# The path as it was sent, and whether it is written as browsers do.
map $request_uri $larder_path {
	default "";
	"~^(?<larder_sent_path>/[^?]*)" $larder_sent_path;
}
map $larder_path $larder_plain {
	default 1;
	"" 0;
	"~` + odd + `" 0;
}

# The number of the route, if its response may be kept.
map "$larder_plain:$request_method:$host$larder_path?$args" $larder_route {
	default 0;
`

// nginxPass is the end of that file.
const nginxPass = `
# Requests with credentials are passed on; their responses are not kept.
map "$larder_route:$http_authorization" $larder_pass {
	default 1;
	"~^[1-9][0-9]*:$" 0;
}
`

// nginxLocation is the file for a location. The lock lets one request of several for the
// same key go on: without it all that come while nothing is kept would.
const nginxLocation = `#
# Include it in a location; see larder-routes.conf. The zone larder is that of
# larder.conf. A purge names the host and path of this key, and of the query the
# parameters that are kept, in the order of the alphabet.
proxy_cache larder;
proxy_cache_key $host$larder_uri;
proxy_cache_bypass $larder_pass;
proxy_no_cache $larder_pass;
proxy_cache_lock on;
`

// nginx writes maps that find the route of a request, and a location that uses
// them. Maps look at regular expressions in order, so that the more specific route
// comes first; locations would look at a path that is already decoded.
func nginx(rules []Rule) *Exported {
	var b strings.Builder
	b.WriteString(written)
	b.WriteString(nginxMaps)
	lists := map[int][]string{}
	var names []string
	for i := range rules {
		r := &rules[i]
		writeRoute(&b, r, i+1)
		if r.Action == Cache && r.Query != nil {
			lists[i+1] = r.Query
			names = append(names, r.Query...)
		}
	}
	b.WriteString("}\n")
	slices.Sort(names)
	writeURIs(&b, lists, slices.Compact(names))
	b.WriteString(nginxPass)
	return &Exported{
		Files: []File{{"larder-routes.conf", b.String()}, {"larder-location.conf", written + nginxLocation}},
		Notes: []string{"nginx has no tags: what is kept there is purged by URL alone, and variants by Vary are not"},
	}
}

// writeRoute writes the line of a route, and before it those for queries in which a
// parameter that counts is there twice or empty: such a request is passed on as it
// is, because the key has one value of each.
// The second line finds a name that is there twice by a reference to what it matched.
func writeRoute(b *strings.Builder, r *Rule, number int) {
	host := "[^/]*"
	if len(r.Hosts) > 0 {
		host = hostRegexp(r.Hosts)
	}
	match := `"~^1:(?:GET|HEAD):` + host + r.pattern.regexp() + `\?`
	fmt.Fprintf(b, "\t# %s\n", r.comment())
	if r.Action != Cache {
		fmt.Fprintf(b, "\t%s\" 0;\n", match)
		return
	}
	if len(r.Query) > 0 {
		fmt.Fprintf(b, "\t%s(?:.*&)?%s=?(?:&|$)\" 0;\n", match, namesRegexp(r.Query))
		fmt.Fprintf(b, "\t%s(?:.*&)?(%s)=.*&\\1(?:[=&]|$)\" 0;\n", match, namesRegexp(r.Query))
	}
	fmt.Fprintf(b, "\t%s\" %d;\n", match, number)
}

// writeURIs writes the maps for what the service is asked for: the path with the
// parameters of the route that are there.
// There is a map for each parameter, which takes it out of the query, and one for each
// route with parameters, which puts those that are there behind a question mark: nginx
// has no loop. The order is that of names, so that ?a=1&b=2 and ?b=2&a=1 are one key.
func writeURIs(b *strings.Builder, lists map[int][]string, names []string) {
	for i, name := range names {
		fmt.Fprintf(b, "map $args $larder_arg_%d {\n\tdefault \"\";\n\t\"~(?:^|&)(?<larder_sent_arg_%d>%s=[^&]+)\" \"&$larder_sent_arg_%d\";\n}\n", i+1, i+1, nameRegexp(name), i+1)
	}
	numbers := make([]int, 0, len(lists))
	for number := range lists {
		numbers = append(numbers, number)
	}
	slices.Sort(numbers)
	var uris strings.Builder
	for _, number := range numbers {
		if len(lists[number]) == 0 {
			fmt.Fprintf(&uris, "\t%d $larder_path;\n", number)
			continue
		}
		source := ""
		for _, name := range lists[number] {
			source += fmt.Sprintf("${larder_arg_%d}", slices.Index(names, name)+1)
		}
		fmt.Fprintf(b, "map \"%s\" $larder_query_%d {\n\tdefault \"\";\n\t\"~^&(?<larder_sent_query_%d>.+)$\" \"?$larder_sent_query_%d\";\n}\n", source, number, number, number)
		fmt.Fprintf(&uris, "\t%d $larder_path$larder_query_%d;\n", number, number)
	}
	fmt.Fprintf(b, "map $larder_route $larder_uri {\n\tdefault $request_uri;\n%s}\n", uris.String())
}
