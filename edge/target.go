package edge

import (
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// target is what a request asks for: the first part of a cache's key (RFC 9111
// 2). Methods that may be answered from the store share it.
type target struct {
	key    string // scheme://host/path?query
	scheme string
	host   string // in lower case, without the port that goes without saying
	path   string // with the query, in normal form
	// canonical: the query is that of [Queries], and path is what the origin is asked
	// with. Else it sees path and query as they were sent.
	canonical bool
}

// targetOf returns the target of a request.
func (h *Handler) targetOf(r *http.Request) target {
	return h.newTarget(schemeOf(r), r.Host, r.URL)
}

// schemeOf returns the scheme by which a request came.
func schemeOf(r *http.Request) string {
	if r.TLS != nil {
		return "https"
	}
	return "http"
}

// newTarget returns the target of a URL under a scheme and host, which may be
// those of the request where u has none. Whatever the method, it is the target of a
// GET: that is what is stored, and what unsafe methods and purges are about.
func (h *Handler) newTarget(scheme, host string, u *url.URL) target {
	// RFC 9110 4.2.3: an empty path is "/".
	sent := u.EscapedPath()
	if sent == "" {
		sent = "/"
	}
	// Each by itself: a query that escapes nothing must not keep a path from the
	// purge of its prefix.
	path := normalPath(sent)
	// Names do not tell capital letters, and the default port goes without saying
	// (RFC 9110 4.2.3): in two forms one would escape the purge of the other.
	host = normalHost(scheme, host)
	t := target{scheme: scheme, host: host}
	// A URL without a query, in normal form, is the key with any routes and with none.
	if u.ForceQuery || u.RawQuery != "" || path != sent {
		counts, _ := h.routes.Load().table.Find(host, path)
		query := ""
		if t.canonical = counts != nil; t.canonical {
			query = counts.canonical(u.RawQuery)
		} else {
			query = normalPath(u.RawQuery)
		}
		// Without one that counts it is as if there were no query.
		if query != "" || !t.canonical && (u.ForceQuery || u.RawQuery != "") {
			path += "?" + query
		}
	}
	t.key, t.path = scheme+"://"+host+path, path
	return t
}

// origin is what groups belong to (RFC 9875 2.1).
func (t *target) origin() string { return t.scheme + "://" + t.host }

// isHost tells whether text can be the host of a request, with or without a port
// (RFC 3986 3.2.2). With HTTP/2 it comes as the client wrote it, and a key made of
// "www.example.com/shop" and a path would be that of another path. Escapes are no
// part of a name here. HTTP/1.0 may leave the host out.
func isHost(text string) bool {
	if strings.HasPrefix(text, "[") {
		end := strings.IndexByte(text, ']')
		if end < 0 || net.ParseIP(text[1:end]) == nil {
			return false
		}
		text = text[end+1:]
		return text == "" || text[0] == ':' && isPort(text[1:])
	}
	name, port, _ := strings.Cut(text, ":")
	for _, c := range []byte(name) {
		if !unreserved(c) && !strings.ContainsRune("!$&'()*+,;=", rune(c)) {
			return false
		}
	}
	return isPort(port)
}

// normalPath writes the escapes of a path and query in one form: none of what is
// unreserved, and capital letters in the others (RFC 3986 6.2.2). Else a purge of
// one form would leave what was asked for by another. With a "%" that escapes nothing
// the path stays as it is: "%2%35" would become "%25", which is something else.
func normalPath(path string) string {
	i := strings.IndexByte(path, '%')
	if i < 0 {
		return path
	}
	b := append(make([]byte, 0, len(path)), path[:i]...)
	for ; i < len(path); i++ {
		c := path[i]
		if c != '%' {
			b = append(b, c)
			continue
		}
		if i+2 >= len(path) || !isHex(path[i+1]) || !isHex(path[i+2]) {
			return path
		}
		if c = unhex(path[i+1])<<4 | unhex(path[i+2]); unreserved(c) {
			b = append(b, c)
		} else {
			b = append(b, strings.ToUpper(path[i:i+3])...)
		}
		i += 2
	}
	return string(b)
}

// isHex tells whether c is a digit of a number to the base of 16.
func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f'
}

// unhex returns the value of such a digit.
func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}

// isPort tells whether text has nothing but digits.
func isPort(text string) bool {
	return !strings.ContainsFunc(text, func(c rune) bool { return c < '0' || c > '9' })
}

// unreserved tells whether c means the same escaped or not (RFC 3986 2.3).
func unreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0
}

// normalHost is a host in lower case, without an empty port or the default one of
// the scheme.
func normalHost(scheme, host string) string {
	host = strings.ToLower(host)
	if name, port, err := net.SplitHostPort(host); err == nil {
		if port == "" || scheme == "http" && port == "80" || scheme == "https" && port == "443" {
			if strings.Contains(name, ":") {
				name = "[" + name + "]"
			}
			host = name
		}
	}
	return host
}

// parseTargets returns the targets that a URL in a purge stands for: the other
// scheme's too, since a proxy in front may have taken TLS off.
func (h *Handler) parseTargets(text string) ([2]target, error) {
	u, err := url.Parse(text)
	if err != nil {
		return [2]target{}, err
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return [2]target{}, errors.New("want http:// or https://, a host and a path")
	}
	host := normalHost(u.Scheme, u.Host)
	return [2]target{h.newTarget("http", host, u), h.newTarget("https", host, u)}, nil
}
