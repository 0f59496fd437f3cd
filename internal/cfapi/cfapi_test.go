package cfapi_test

import (
	"testing"

	"github.com/larderdev/larder/internal/cfapi"
	"github.com/larderdev/larder/purge/purgeapi"
)

func TestAnswers(t *testing.T) {
	const unsaid = "the answer does not say whether it succeeded"
	for body, want := range map[string]struct {
		result, failure, text string
		code                  int
	}{
		`{"success":true,"errors":[],"messages":[],"result":{"id":"1"}}`: {result: `{"id":"1"}`},
		`{"success":true,"errors":null,"result":null}`:                   {result: `null`},
		`{"success":true}`: {},
		`{"success":false,"errors":[{"code":10003,"message":"could not find entrypoint ruleset"}],"result":null}`: {
			failure: "success is false: could not find entrypoint ruleset (code 10003)", text: "could not find entrypoint ruleset (code 10003)", code: cfapi.NoEntrypoint,
		},
		`{"success":false,"errors":[{"code":1,"message":"a","source":{"pointer":"/rules/0"}},{"code":2,"message":"b"}]}`: {
			failure: "success is false: a (code 1) at /rules/0; b (code 2)", text: "a (code 1) at /rules/0; b (code 2)", code: 1,
		},
		`{"success":false}`:        {failure: "success is false"},
		`{"result":{"id":"1"}}`:    {failure: unsaid},
		`{"success":null}`:         {failure: unsaid},
		`{"success":"true"}`:       {failure: unsaid},
		`{"success":true`:          {failure: unsaid},
		`<html>all is well</html>`: {failure: unsaid},
		``:                         {failure: unsaid},
		`null`:                     {failure: unsaid},
		`[]`:                       {failure: unsaid},
	} {
		result, failure := cfapi.Result([]byte(body))
		if string(result) != want.result || failure != want.failure {
			t.Errorf("Result(%s) = %s, %q, want %s, %q", body, result, failure, want.result, want.failure)
		}
		text, after := cfapi.Explain(purgeapi.Answer{Body: []byte(body)})
		if text != want.text || after != 0 {
			t.Errorf("Explain(%s) = %q, %v, want %q, 0", body, text, after, want.text)
		}
		if code := cfapi.Code([]byte(body)); code != want.code {
			t.Errorf("Code(%s) = %d, want %d", body, code, want.code)
		}
	}
}
