package purgeapi

import (
	"net/url"
	"strings"
)

// HostField is the field Host that a browser sends for u, by which caches know a
// site: in lower case, and without the port that the scheme has anyway.
func HostField(u *url.URL) string {
	own := map[string]string{"http": ":80", "https": ":443"}[u.Scheme]
	return strings.TrimSuffix(strings.ToLower(u.Host), own)
}
