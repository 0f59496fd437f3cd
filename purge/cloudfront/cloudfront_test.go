package cloudfront_test

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/larderdev/larder/purge"
	"github.com/larderdev/larder/purge/cloudfront"
	"github.com/larderdev/larder/purge/purgeapi"
	"github.com/larderdev/larder/purge/purgetest"
)

func answer(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/xml")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// The forms of the vendor's API reference, CreateInvalidation and "Common
// errors".
const (
	made = `<?xml version="1.0"?><Invalidation xmlns="http://cloudfront.amazonaws.com/doc/2020-05-31/"><Id>IDFDVBD632BHDS5</Id>` +
		`<Status>InProgress</Status><CreateTime>2026-11-25T23:59:59.000Z</CreateTime><InvalidationBatch/></Invalidation>`
	failed = `<?xml version="1.0"?><ErrorResponse xmlns="http://cloudfront.amazonaws.com/doc/2020-05-31/"><Error><Type>Sender</Type>` +
		`<Code>%s</Code><Message>%s</Message></Error><RequestId>410c2a4b-e435-49c9-8382-3770d80d7d4c</RequestId></ErrorResponse>`
)

func refused(status int, code, message string) http.HandlerFunc {
	return answer(status, fmt.Sprintf(failed, code, message))
}

var credentials = cloudfront.Credentials{
	AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: purgeapi.NewSecret("s3cr3t+/key="), SessionToken: purgeapi.NewSecret("session+/token="),
}

func kit(o cloudfront.Options) purgetest.Kit {
	return purgetest.Kit{
		New: func(t *testing.T, base string, client *http.Client) purge.Purger {
			o.Distribution, o.BaseURL, o.HTTP = "E2QWRUHAPOMQZL", base, client
			p, err := cloudfront.New(o)
			if err != nil {
				t.Fatal(err)
			}
			return p
		},
		Secrets: []string{"s3cr3t+/key=", "session+/token="},
		Accept:  answer(201, made),
	}
}

// body is that of a request.
func body(reference string, n int, items string) string {
	return xml.Header + `<InvalidationBatch xmlns="http://cloudfront.amazonaws.com/doc/2020-05-31/"><CallerReference>` + reference +
		fmt.Sprintf("</CallerReference><Paths><Quantity>%d</Quantity><Items>%s</Items></Paths></InvalidationBatch>", n, items)
}

const path = "/2020-05-31/distribution/E2QWRUHAPOMQZL/invalidation"

func TestPurger(t *testing.T) {
	k := kit(cloudfront.Options{Tags: true, Credentials: credentials})
	fields := map[string]string{"Content-Type": "text/xml", "X-Amz-Date": "20000101T000000Z", "X-Amz-Security-Token": "session+/token=", "Authorization": "*"}
	k.Calls = []purgetest.Call{
		{
			Name: "tags", Purge: purge.Purge{ID: "7", Tags: []string{"product:42", "a&b"}},
			Want: []purgetest.Request{{
				Method: "POST", Path: path, Header: fields,
				Body: body("larder-66161e77832c023f3da3d62d0494388e", 2, "<Path>#product:42</Path><Path>#a&amp;b</Path>"),
			}},
		},
		{
			Name: "soft is hard", Purge: purge.Purge{ID: "8", Tags: []string{"products"}, Soft: true},
			Want: []purgetest.Request{{
				Method: "POST", Path: path, Header: fields,
				Body: body("larder-6e8d50c5937aca7321f61fc05280d426", 1, "<Path>#products</Path>"),
			}},
		},
		{
			Name: "urls", Purge: purge.Purge{ID: "9", URLs: []string{"https://www.example.com/a%20b/?x=1&y#top", "https://shop.example.com", "http://www.example.com/"}},
			Want: []purgetest.Request{{
				Method: "POST", Path: path, Header: fields,
				Body: body("larder-5ec9f568271dc1a08b9a115fbeeed66b", 2, "<Path>/a%20b/?x=1&amp;y</Path><Path>/</Path>"),
			}},
		},
	}
	k.Failures = []purgetest.Failure{
		{
			Name: "too many in progress", Answer: refused(400, "TooManyInvalidationsInProgress", "Processing your request will cause you to exceed the maximum"),
			Want: purge.Error{Status: 400, Reason: "TooManyInvalidationsInProgress: Processing"},
		},
		{Name: "throttled", Answer: refused(400, "Throttling", "Rate exceeded"), Want: purge.Error{Status: 400, Reason: "Rate exceeded"}},
		{Name: "ended credentials", Answer: refused(403, "ExpiredToken", "The security token has expired"), Want: purge.Error{Status: 403, Reason: "ExpiredToken"}},
		{Name: "wrong signature", Answer: refused(403, "SignatureDoesNotMatch", "Check your key"), Want: purge.Error{Status: 403, Final: true, Reason: "SignatureDoesNotMatch"}},
		{Name: "no such distribution", Answer: refused(404, "NoSuchDistribution", "Not found"), Want: purge.Error{Status: 404, Final: true, Reason: "NoSuchDistribution: Not found"}},
		{Name: "201 that says nothing", Answer: answer(201, `<Invalidation/>`), Want: purge.Error{Status: 201, Reason: "no invalidation"}},
		{Name: "200 with a page", Answer: answer(200, `<html><Id>1</Id></html>`), Want: purge.Error{Status: 200, Reason: "no invalidation"}},
	}
	k.GoodTags = []string{"product:42", "#*", strings.Repeat("x", 256)}
	k.BadTags = []string{"a b", "a,b", "größe", strings.Repeat("x", 257)}
	purgetest.Test(t, k)
}

// A distribution without a CacheTagConfig ignores tags.
func TestPurger_WithoutTags(t *testing.T) {
	k := kit(cloudfront.Options{Source: func(context.Context) (cloudfront.Credentials, error) { return credentials, nil }})
	k.Calls = []purgetest.Call{{
		Name: "urls", Purge: purge.Purge{ID: "1", URLs: []string{"https://www.example.com/a*"}},
		Want: []purgetest.Request{{Method: "POST", Path: path, Body: body("larder-ef0317ac24ee07ba251158f9820ef770", 1, "<Path>/a*</Path>")}},
	}}
	purgetest.Test(t, k)
}

func TestLimits(t *testing.T) {
	for _, tags := range []bool{false, true} {
		p, err := cloudfront.New(cloudfront.Options{Distribution: "E1", Tags: tags, Credentials: credentials})
		if err != nil {
			t.Fatal(err)
		}
		if l := p.Limits(); !l.FoldsCase || (l.Tags > 0) != tags || max(l.Tags, l.URLs) > 3_000 {
			t.Errorf("with Tags %v: %+v, want tags only then, their case folded, and 3,000 paths at most", tags, l)
		}
	}
}

// The reference is the same only for the same purge of the same items.
func TestPurge_Reference(t *testing.T) {
	var sent []string
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var b struct{ CallerReference string }
		if err := xml.NewDecoder(r.Body).Decode(&b); err != nil {
			t.Errorf("the body: %v", err)
		}
		sent = append(sent, b.CallerReference)
		answer(201, made)(w, r)
	}))
	defer api.Close()
	p, err := cloudfront.New(cloudfront.Options{Distribution: "E1", Tags: true, Credentials: credentials, BaseURL: api.URL})
	if err != nil {
		t.Fatal(err)
	}
	for _, what := range []purge.Purge{
		{Tags: []string{"a", "b"}, ID: "1"},
		{Tags: []string{"a", "b"}, ID: "1"}, // tried again
		{Tags: []string{"a", "b"}, ID: "2"}, // has changed once more
		{Tags: []string{"a"}, ID: "1"},
		{Tags: []string{"a", "c"}, ID: "1"},
		{Tags: []string{"a", "b"}}, // nothing is known of the two
		{Tags: []string{"a", "b"}},
	} {
		if err := p.Purge(t.Context(), what); err != nil {
			t.Fatal(err)
		}
	}
	numbers := map[string]int{}
	var got []int
	for _, ref := range sent {
		if _, ok := numbers[ref]; !ok {
			numbers[ref] = len(numbers)
		}
		got = append(got, numbers[ref])
	}
	if want := "[0 0 1 2 3 4 5]"; fmt.Sprint(got) != want {
		t.Errorf("the references %q are, numbered, %v, want %s", sent, got, want)
	}
}

func TestPurge_NoCredentials(t *testing.T) {
	broken := errors.New("the metadata service is away")
	for _, tt := range []struct {
		source func(context.Context) (cloudfront.Credentials, error)
		is     error
	}{
		{func(context.Context) (cloudfront.Credentials, error) { return cloudfront.Credentials{}, broken }, broken},
		{func(context.Context) (cloudfront.Credentials, error) { return cloudfront.Credentials{}, nil }, nil},
	} {
		p, err := cloudfront.New(cloudfront.Options{Distribution: "E1", Source: tt.source, BaseURL: "http://127.0.0.1:1"})
		if err != nil {
			t.Fatal(err)
		}
		err = p.Purge(t.Context(), purge.Purge{URLs: []string{"https://www.example.com/"}})
		e := (*purge.Error)(nil)
		if !errors.As(err, &e) || e.Final || !strings.Contains(e.Error(), "no credentials") || tt.is != nil && !errors.Is(err, tt.is) {
			t.Errorf("Purge = %v, want an error about credentials that is not final", err)
		}
	}
}

func TestNew_ReportsAllMistakes(t *testing.T) {
	source := func(context.Context) (cloudfront.Credentials, error) { return credentials, nil }
	for _, tt := range []struct {
		o    cloudfront.Options
		want []string
	}{
		{cloudfront.Options{Distribution: "../x", BaseURL: "http://api.example.com"}, []string{"Distribution", "Credentials", "BaseURL"}},
		{cloudfront.Options{Distribution: "E1", Credentials: credentials, Source: source, BaseURL: "https://h/x"}, []string{"Source", "BaseURL"}},
	} {
		_, err := cloudfront.New(tt.o)
		if err == nil {
			t.Fatalf("New(%+v) took them all", tt.o)
		}
		for _, want := range tt.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("New = %v, want %q in it", err, want)
			}
		}
	}
}

func TestCredentialsFromEnv(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "s3cr3t")
	t.Setenv("AWS_SESSION_TOKEN", "")
	c, err := cloudfront.CredentialsFromEnv()
	if err != nil || c.AccessKeyID != "AKIDEXAMPLE" || c.SecretAccessKey.Reveal() != "s3cr3t" || !c.SessionToken.IsZero() {
		t.Errorf("without a session: %v, %v", c, err)
	}
	t.Setenv("AWS_SESSION_TOKEN", "session")
	if c, err = cloudfront.CredentialsFromEnv(); err != nil || c.SessionToken.Reveal() != "session" {
		t.Errorf("with a session: %v, %v", c, err)
	}
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	if _, err := cloudfront.CredentialsFromEnv(); err == nil || !strings.Contains(err.Error(), "AWS_SECRET_ACCESS_KEY") {
		t.Errorf("without a key: %v, want its name", err)
	}
	if text := fmt.Sprintf("%v %+v %#v", c, c, c); strings.Contains(text, "s3cr3t") || strings.Contains(text, "session\"") {
		t.Errorf("credentials print as %s", text)
	}
}
