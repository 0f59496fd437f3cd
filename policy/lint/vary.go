package lint

import (
	"fmt"
	"net/textproto"
	"slices"
	"strings"
)

// partFields are request fields that parts of keys are named after, by people and not by
// the field's own name. Of others the name itself is tried: x_region is X-Region.
var partFields = map[string]string{
	"accept_language": "Accept-Language", "language": "Accept-Language", "lang": "Accept-Language", "locale": "Accept-Language",
	"accept": "Accept", "accept_encoding": "Accept-Encoding", "user_agent": "User-Agent", "device": "User-Agent",
}

// varyMissing holds what the edge tells apart to what the class tells apart. Each
// part of a class's key comes from the request: from a wildcard or a query
// parameter of its name, or else from a field. If the list of parameters does not
// have it and there is no Vary for it, two values are one at the edge, and
// whoever comes second gets the other's.
func varyMissing(k *check) {
	for _, r := range k.routes {
		if r.class == nil || !r.cached() {
			continue
		}
		for _, part := range r.class.is.Key.Parts {
			if slices.Contains(wildcards(r.pattern), part.Name) || slices.Contains(r.is.Query, part.Name) {
				continue
			}
			name := strings.ToLower(part.Name)
			field, named := partFields[name]
			if !named {
				field = textproto.CanonicalMIMEHeaderKey(strings.ReplaceAll(name, "_", "-"))
			}
			// Without a list all parameters count: the part may be one of them, unless
			// it is called exactly as a field is.
			if r.is.Query == nil && !strings.HasPrefix(name, "accept_") && name != "user_agent" || varies(r, field) {
				continue
			}
			mend := fmt.Sprintf("Put %s into query, if it is a parameter, or %s into vary, if it comes from that field.", part.Name, field)
			k.report(r.owner, "vary", fmt.Sprintf("the key of %s has %q, and what the edge tells responses apart by has not", r.class.name, part.Name), mend)
		}
	}
}

// varies compares without case, as names of fields are.
func varies(r *route, field string) bool {
	return slices.ContainsFunc(r.is.Vary, func(name string) bool { return strings.EqualFold(name, field) })
}
