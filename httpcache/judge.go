package httpcache

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// credentials are what a request says about who asks.
type credentials struct{ authorization, cookies bool }

// credentials looks at a request before the handler has touched it.
func (l *Layer) credentials(r *http.Request) credentials {
	_, auth := r.Header["Authorization"]
	for _, name := range l.names {
		_, has := r.Header[name]
		auth = auth || has
	}
	return credentials{authorization: auth, cookies: l.hasSession(r.Header["Cookie"])}
}

// hasSession tells whether there is a cookie that is not known to be harmless.
// What is no cookie counts as one: a server may read it otherwise.
func (l *Layer) hasSession(lines []string) bool {
	for _, line := range lines {
		for cookie := range strings.SplitSeq(line, ";") {
			name, _, _ := strings.Cut(cookie, "=")
			if name = trim(name); trim(cookie) != "" && !l.isHarmless(name) {
				return true
			}
		}
	}
	return false
}

func (l *Layer) isHarmless(cookie string) bool {
	for _, name := range l.options.HarmlessCookies {
		if prefix, ok := strings.CutSuffix(name, "*"); ok && strings.HasPrefix(cookie, prefix) || cookie == name {
			return true
		}
	}
	return false
}

// routeOf returns the policy of an exchange, nil if there is none.
func (l *Layer) routeOf(x *exchange) *route {
	if x.route != nil {
		return x.route
	}
	return l.routes[x.request.Pattern]
}

// judge tells whether anybody may keep the response with status, and what it
// then says. It changes nothing.
func (x *exchange) judge(h http.Header, status int, said words) (rt *route, r rendering, kept bool) {
	rt = x.layer.routeOf(x)
	if rt == nil || rt.policy.NoStore || said.noStore {
		return rt, nobody(), false
	}
	if x.outer.Method != http.MethodGet && x.outer.Method != http.MethodHead {
		return rt, nobody(), false
	}
	r, kept = rt.success, isSuccess(status)
	if !kept {
		r, kept = rt.statuses[status]
	}
	if !kept || x.early || !x.allowed(&rt.policy) || isForbidden(h, &rt.policy) {
		return rt, nobody(), false
	}
	return rt, r, true
}

// allowed tells whether a response to the one who asks may be kept.
func (x *exchange) allowed(p *Policy) bool {
	return p.Private ||
		(!x.who.authorization || p.SameForEveryoneDespiteAuthorization) &&
			(!x.who.cookies || p.SameForEveryoneDespiteCookies)
}

// isForbidden tells whether the fields of a response keep it from being kept:
// a handler knows more than the policy of its route when it says no.
func isForbidden(h http.Header, p *Policy) bool {
	if !p.SameForEveryoneSoDropSetCookie && setsCookie(h) {
		return true
	}
	for name, lines := range h {
		switch {
		case len(name) == len("Vary") && strings.EqualFold(name, "Vary"):
			if names, any := ParseVary(lines); any || slices.ContainsFunc(names, p.personal) {
				return true
			}
		case hasSuffixFold(name, "cache-control"), len(name) == len("Surrogate-Control") && strings.EqualFold(name, "Surrogate-Control"):
			d := ParseCacheControl(lines)
			if d.Has("no-store") || d.Has("no-cache") || d.Has("private") {
				return true
			}
		}
	}
	return false
}

// isSetCookie tells whether a field of a header, or of its trailers, sets
// cookies.
func isSetCookie(name string) bool {
	name = strings.TrimPrefix(name, http.TrailerPrefix)
	return len(name) == len("Set-Cookie") && strings.EqualFold(name, "Set-Cookie")
}

// setsCookie tells whether a response sets cookies, or says that it will in its
// trailers.
func setsCookie(h http.Header) bool {
	for name, lines := range h {
		if isSetCookie(name) && len(lines) > 0 {
			return true
		}
		if name == "Trailer" && slices.ContainsFunc(lines, func(line string) bool {
			return slices.ContainsFunc(strings.Split(line, ","), func(name string) bool { return isSetCookie(trim(name)) })
		}) {
			return true
		}
	}
	return false
}

// dropCookies removes all that sets cookies from a header and its trailers. That
// a trailer was announced stays: it is then not sent.
func dropCookies(h http.Header) {
	for name := range h {
		if isSetCookie(name) {
			delete(h, name)
		}
	}
}

// settle makes the header what it has to be and returns the status, which is
// another one if a copy of the client's is still good.
func (x *exchange) settle(h http.Header, said words) int {
	rt, r, kept := x.judge(h, x.status, said)
	if !kept {
		x.dropTag(h)
		x.say(h, nobody())
		return x.status
	}
	if rt.policy.SameForEveryoneSoDropSetCookie {
		dropCookies(h)
	}
	var tags tagValues
	if r.edge {
		var err *TagError
		if tags, err = x.write(rt, said.tags); err != nil {
			x.layer.tagError(x.request, err)
			if r = nobody(); isSuccess(x.status) {
				r = rt.browser
			}
		}
	}
	x.addVary(h, rt.vary)
	x.finishTag(h, x.versionOf(said))
	if x.status == http.StatusOK {
		switch status := precondition(x.request.Header, h, !rt.policy.Private); status {
		case http.StatusNotModified:
			x.strip(h, status)
		case http.StatusPreconditionFailed:
			x.strip(h, status)
			x.say(h, nobody())
			return status
		}
	}
	x.kept = true
	x.say(h, r)
	for field, value := range tags {
		if value != "" {
			x.set(h, tagField(field).name(), value)
		}
	}
	if x.discard {
		return http.StatusNotModified
	}
	return x.status
}

// say sets the fields that caches obey, and removes all others.
func (x *exchange) say(h http.Header, r rendering) {
	clearFields(h)
	x.set(h, "Cache-Control", r.cacheControl)
	x.set(h, "Cdn-Cache-Control", r.cdn)
	x.set(h, "Surrogate-Control", r.surrogate)
}

// write returns the values of the layer's tag fields for the response.
func (x *exchange) write(rt *route, named []string) (tagValues, *TagError) {
	if len(x.layer.cdns) == 0 {
		return tagValues{}, nil
	}
	if len(named) == 0 && rt.static != nil {
		return *rt.static, nil
	}
	tags, err := x.layer.tagsOf(rt, x.request, named)
	if err != nil {
		return tagValues{}, err
	}
	return x.layer.write(tags), nil
}

// addVary adds the policy's names to those that the handler has set.
func (x *exchange) addVary(h http.Header, names []string) {
	if len(names) == 0 {
		return
	}
	had, _ := ParseVary(h["Vary"])
	missing := 0
	for _, name := range names {
		if !slices.Contains(had, name) {
			missing++
		}
	}
	switch {
	case missing == 0:
	case len(had) == 0 && len(names) == 1:
		x.set(h, "Vary", names[0])
	default:
		for _, name := range names {
			if !slices.Contains(had, name) {
				had = append(had, name)
			}
		}
		x.set(h, "Vary", strings.Join(had, ", "))
	}
}

// strip makes a response one without a body.
func (x *exchange) strip(h http.Header, status int) {
	x.discard = true
	for _, name := range []string{"Content-Length", "Content-Type", "Content-Encoding"} {
		delete(h, name)
	}
	if status == http.StatusNotModified && len(h["Etag"]) > 0 {
		delete(h, "Last-Modified") // RFC 9110 15.4.5: the ETag is enough
	}
}

// mayHold tells whether the body is to be held back, to be hashed.
func (x *exchange) mayHold() bool {
	h := x.inner.Header()
	said := x.said.soFar()
	version := x.versionOf(said)
	x.setVersion(h, version)
	if x.status != http.StatusOK || version != 0 || len(h["Etag"]) > 0 || len(h["Trailer"]) > 0 {
		return false
	}
	rt, _, kept := x.judge(h, x.status, said)
	return kept && rt.policy.HashUpTo > 0 && declaredLength(h) <= rt.policy.HashUpTo
}

// declaredLength returns the Content-Length that the handler has set, -1 if it
// has set none or something else than a number.
func declaredLength(h http.Header) int {
	lines := h["Content-Length"]
	if len(lines) != 1 {
		return -1
	}
	n, err := strconv.Atoi(lines[0])
	if err != nil || n < 0 {
		return -1
	}
	return n
}
