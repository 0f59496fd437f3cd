package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/larderdev/larder/purge/purgeapi"
)

// apiTime bounds one call of an API, and apiBytes its answer.
const (
	apiTime  = 10 * time.Second
	apiBytes = 1 << 20
)

// get reads the JSON at a path of an API into v, which stays as it is if there is none.
// No error holds the address, nor what is in the header.
// Its caller decides by the status: an API may be well and refuse.
func get(ctx context.Context, base, path, header, value string, v any) (status int, err error) {
	// Before the token is sent anywhere: without TLS everybody on the way would read
	// it.
	if _, err := purgeapi.Base(base, true); err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, apiTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(base, "/")+path, nil)
	if err != nil {
		return 0, errors.New("the address of the API cannot be used") // the error would show the zone
	}
	r.Header.Set(header, value)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, errors.New("the API does not answer: " + cause(err))
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, apiBytes))
	if err == nil {
		_ = json.Unmarshal(body, v) // what is no JSON says nothing, and the status is left
	}
	return resp.StatusCode, nil
}

// cause is an error without the URL in it.
// http.Client wraps what went wrong together with the URL, which has the zone in it.
func cause(err error) string {
	for next := errors.Unwrap(err); next != nil; next = errors.Unwrap(next) {
		err = next
	}
	return err.Error()
}
