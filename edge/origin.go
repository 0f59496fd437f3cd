package edge

import (
	"context"
	"crypto/rand"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
	"time"
)

// originTransport is how the origin is reached unless Options.Transport says
// otherwise. It does not unpack bodies: they are stored as they come.
func originTransport(timeout time.Duration) *http.Transport {
	return &http.Transport{
		DialContext:           (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: timeout,
		ExpectContinueTimeout: time.Second,
		MaxIdleConns:          1024,
		MaxIdleConnsPerHost:   512,
		IdleConnTimeout:       90 * time.Second,
		DisableCompression:    true,
		ForceAttemptHTTP2:     true,
	}
}

// toOrigin returns the request that asks the origin for what r asks. Its body is
// r's if it has one.
func (h *Handler) toOrigin(ctx context.Context, r *http.Request) *http.Request {
	// A copy, all of it: net/http and the user's transport change what they send.
	out := r.Clone(ctx)
	out.RequestURI = ""
	out.Close = false
	out.URL = h.originURL(r.URL)
	// Else net/http would send an empty body of unknown length.
	if r.ContentLength == 0 {
		out.Body = http.NoBody
	}
	removeHopByHop(out.Header)
	// Whatever the origin builds from the host is stored under that of the key.
	if out.Host = h.options.Origin.Host; h.options.PreserveHost {
		out.Host = normalHost(schemeOf(r), r.Host)
	}
	h.forwarded(out.Header, r)
	if _, ok := out.Header["User-Agent"]; !ok {
		out.Header["User-Agent"] = nil // else net/http would say its own
	}
	return out
}

// originURL places the path of a request below that of the origin. What the
// client escaped stays as it was.
func (h *Handler) originURL(u *url.URL) *url.URL {
	o := h.options.Origin
	out := &url.URL{
		Scheme: o.Scheme, Host: o.Host, Path: u.Path, RawPath: u.RawPath,
		RawQuery: u.RawQuery, ForceQuery: u.ForceQuery,
	}
	if prefix := strings.TrimSuffix(o.Path, "/"); prefix != "" {
		out.Path = prefix + u.Path
		out.RawPath = strings.TrimSuffix(o.EscapedPath(), "/") + u.EscapedPath()
	}
	return out
}

// forwarded replaces what a client said about the way its request took: the
// origin may build responses from it, and these are stored for others.
func (h *Handler) forwarded(out http.Header, r *http.Request) {
	// The addresses are kept, since origins count the hops that they trust from the
	// end; the rest of what a client says of its way is not to be believed.
	before := out.Values("X-Forwarded-For")
	for name := range out {
		// Origins that have fields as variables do not tell "_" from "-".
		folded := http.CanonicalHeaderKey(strings.ReplaceAll(name, "_", "-"))
		switch {
		case folded != "Via" && rewritten(folded):
			delete(out, name)
		// With "-" they made the request one that shares nothing: see bypasses.
		case folded != name && slices.Contains(overriding, folded) && (r.Method == http.MethodGet || r.Method == http.MethodHead):
			delete(out, name)
		}
	}
	if ip, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		out.Set("X-Forwarded-For", strings.Join(append(before, ip), ", "))
	}
	scheme := schemeOf(r)
	out.Set("X-Forwarded-Host", normalHost(scheme, r.Host))
	out.Set("X-Forwarded-Proto", scheme)
	out.Add("Via", viaVersion(r)+" "+h.pseudonym)
}

// rewritten tells whether the origin gets a field from the edge, not from the
// client: what the client said in it selects no response.
func rewritten(name string) bool {
	return name == "Forwarded" || name == "Via" || strings.HasPrefix(name, "X-Forwarded-")
}

// viaVersion is the protocol by which a request came (RFC 9110 7.6.3).
func viaVersion(r *http.Request) string {
	if r.ProtoMajor == 2 {
		return "2.0"
	}
	return "1.1"
}

// newPseudonym returns what a handler calls itself in Via: its name, which others
// may have too, and what nobody else has (RFC 9110 7.6.3).
func newPseudonym(name string) string { return name + "-" + strings.ToLower(rand.Text()[:13]) }

// loops tells whether a request has passed this very handler before: its origin is
// the edge itself, or a proxy that leads back to it. That is seen at the first
// return: a GET would otherwise join the flight that it belongs to, and wait for
// itself.
func (h *Handler) loops(r *http.Request) bool {
	// Proxies on the way add members to the line, or lines, and maybe comments.
	for _, line := range r.Header["Via"] {
		for member := range strings.SplitSeq(line, ",") {
			// protocol, received-by and maybe a comment
			if fields := strings.Fields(member); len(fields) > 1 && fields[1] == h.pseudonym {
				return true
			}
		}
	}
	return false
}

// interim is a response with a status of 1xx.
type interim struct {
	status int
	header http.Header
}

// withInterim has each interim response of the origin given to pass.
func withInterim(ctx context.Context, pass func(interim)) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		Got1xxResponse: func(status int, header textproto.MIMEHeader) error {
			if status != http.StatusContinue { // net/http answers Expect by itself
				pass(interim{status, http.Header(header).Clone()})
			}
			return nil
		},
	})
}

// unframed tells whether the end of a body is known by the end of its connection
// alone, so that nobody can see whether it is whole.
func unframed(resp *http.Response) bool {
	return resp.ContentLength < 0 && len(resp.TransferEncoding) == 0 && resp.ProtoMajor == 1 &&
		resp.Body != nil && resp.Body != http.NoBody
}

// drain reads a short rest of a body so that its connection can be used again,
// and closes it.
func drain(body io.ReadCloser) {
	_, _ = io.CopyN(io.Discard, body, chunkBytes)
	_ = body.Close()
}
