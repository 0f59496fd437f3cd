package cli

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/larderdev/larder/cmd/larder/internal/doctor"
	"github.com/larderdev/larder/internal/redistest"
)

// examine runs larder doctor on a policy and returns its checks, by their names.
func examine(t *testing.T, policy string, env map[string]string, args ...string) (code int, checks map[string]doctor.Check) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, policyName), []byte(policy), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errs strings.Builder
	args = append([]string{"doctor", "-C", dir, "--json"}, args...)
	code = Run(t.Context(), args, func(name string) string { return env[name] }, &out, &errs)
	var got struct {
		Schema int
		Checks []doctor.Check
	}
	if err := json.Unmarshal([]byte(out.String()), &got); err != nil || got.Schema != 1 {
		t.Fatalf("larder %v: exit %d, %s %s: %v", args, code, out.String(), errs.String(), err)
	}
	if strings.Contains(out.String()+errs.String(), "hunter2") {
		t.Errorf("larder %v shows a secret: %s", args, out.String())
	}
	checks = map[string]doctor.Check{}
	for _, c := range got.Checks {
		checks[c.Name] = c
		if (c.Status == doctor.Fail || c.Status == doctor.Warn) && c.Mend == "" {
			t.Errorf("%+v says nothing of a mend", c)
		}
	}
	return code, checks
}

const plainPolicy = "version: 1\nclasses:\n  product: {type: string, ttl: 1h}\n"

func redisAt(addr string) map[string]string { return map[string]string{redisURLVar: "redis://" + addr} }

func TestDoctor_AServerThatIsWell(t *testing.T) {
	server := redistest.Start(t, "--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru")
	operator := redistest.NewOperator(t, server.Addr())
	operator.Run("SET", "larder:d:{product:42}", "untouched")
	code, checks := examine(t, plainPolicy+"fleet: {shared_timeout: 5s}\n", redisAt(server.Addr()))
	if code != exitOK {
		t.Errorf("exit %d, want 0: %+v", code, checks)
	}
	for _, name := range []string{"version", "role", "memory", "swapdb", "tracking", "clock", "latency", "rights"} {
		if checks[name].Status != doctor.OK {
			t.Errorf("%s is %+v, want ok", name, checks[name])
		}
	}
	if got := operator.Text("GET", "larder:d:{product:42}"); got != "untouched" {
		t.Errorf("a value was changed to %q", got)
	}
}

// TestDoctor_FindsWhatIsWrong: each cause has its check, and says what to do.
func TestDoctor_FindsWhatIsWrong(t *testing.T) {
	replicaOf := func(t *testing.T) string {
		primary, replica := redistest.Start(t), redistest.Start(t)
		host, port, _ := net.SplitHostPort(primary.Addr())
		redistest.NewOperator(t, replica.Addr()).Run("REPLICAOF", host, port)
		return replica.Addr()
	}
	with := func(commands ...[]string) func(*testing.T) string {
		return func(t *testing.T) string {
			server := redistest.Start(t)
			o := redistest.NewOperator(t, server.Addr())
			for _, c := range commands {
				o.Run(c...)
			}
			return server.Addr()
		}
	}
	for _, tt := range []struct {
		name   string
		server func(*testing.T) string
		login  [2]string
		policy string
		check  string
		status doctor.Status
		mend   string
		code   int
	}{
		{name: "no bound", server: with(), check: "memory", status: doctor.Warn, mend: "maxmemory", code: exitOK},
		{
			name: "noeviction", server: with([]string{"CONFIG", "SET", "maxmemory", "100mb"}), check: "memory",
			status: doctor.Warn, mend: "allkeys-lru", code: exitOK,
		},
		{name: "SWAPDB", server: with([]string{"SWAPDB", "0", "1"}), check: "swapdb", status: doctor.Warn, mend: "SWAPDB", code: exitOK},
		{name: "a replica", server: replicaOf, check: "role", status: doctor.Fail, mend: "primary", code: exitFindings},
		{
			name: "no scripts", server: with([]string{"ACL", "SETUSER", "shop", "on", ">hunter2", "~larder:*", "+@all", "-eval", "-evalsha"}),
			login: [2]string{"shop", "hunter2"}, check: "rights", status: doctor.Fail, mend: "+evalsha", code: exitFindings,
		},
		{
			name: "other keys", server: with([]string{"ACL", "SETUSER", "shop", "on", ">hunter2", "~other:*", "+@all"}),
			login: [2]string{"shop", "hunter2"}, check: "rights", status: doctor.Fail, mend: "~larder:*", code: exitFindings,
		},
		{
			name: "a wrong password", server: with([]string{"ACL", "SETUSER", "shop", "on", ">right", "~*", "+@all"}),
			login: [2]string{"shop", "hunter2"}, check: "connection", status: doctor.Fail, mend: "login", code: exitFindings,
		},
		{
			name: "no relay", server: with(), policy: "fleet: {outbox: true}\n", check: "relay", status: doctor.Fail, mend: "relay", code: exitFindings,
		},
		{name: "nobody there", server: func(*testing.T) string { return "127.0.0.1:1" }, check: "connection", status: doctor.Fail, mend: "address", code: exitFindings},
	} {
		t.Run(tt.name, func(t *testing.T) {
			env := redisAt(tt.server(t))
			env[redisUserVar], env[redisPasswordVar] = tt.login[0], tt.login[1]
			code, checks := examine(t, plainPolicy+tt.policy, env)
			c := checks[tt.check]
			if c.Status != tt.status || !strings.Contains(c.Mend, tt.mend) {
				t.Errorf("%s is %+v, want %s and %q", tt.check, c, tt.status, tt.mend)
			}
			if code != tt.code && checks["latency"].Status != doctor.Fail {
				t.Errorf("exit %d, want %d: %+v", code, tt.code, checks)
			}
		})
	}
}

// TestDoctor_TheRightsItNames are enough, for the checks and for a service.
func TestDoctor_TheRightsItNames(t *testing.T) {
	server := redistest.Start(t)
	rights := "~larder:* -@all +hello +ping +time +info +select +client +get +mget +getrange +set +del +pttl +pexpire +eval +evalsha +script|load"
	redistest.NewOperator(t, server.Addr()).Run(append([]string{"ACL", "SETUSER", "shop", "on", ">hunter2", "resetkeys"}, strings.Fields(rights)...)...)
	env := redisAt(server.Addr())
	env[redisUserVar], env[redisPasswordVar] = "shop", "hunter2"
	_, checks := examine(t, plainPolicy, env)
	for name, c := range checks {
		if c.Status == doctor.Fail && name != "latency" {
			t.Errorf("%s is %+v", name, c)
		}
	}
}

func TestDoctor_OfAClusterAndOfSentinels(t *testing.T) {
	cluster := redistest.StartCluster(t, 3, 0)
	_, checks := examine(t, plainPolicy, nil, "--redis", cluster.Primaries[0].Addr(), "--redis-cluster")
	for _, name := range []string{"role", "tracking", "rights", "reads when down"} {
		if checks[name].Status != doctor.OK {
			t.Errorf("cluster: %s is %+v, want ok", name, checks[name])
		}
	}
	if _, checks = examine(t, plainPolicy, redisAt(cluster.Primaries[0].Addr())); checks["role"].Status != doctor.Fail {
		t.Errorf("cluster, not said so: role is %+v, want fail", checks["role"])
	}
	watched := redistest.StartWatched(t, 1)
	_, checks = examine(t, plainPolicy, nil, "--redis", watched.Sentinels[0], "--redis-sentinel", redistest.SentinelMaster)
	if checks["role"].Status != doctor.OK || checks["role"].Of != watched.Primary.Addr() || checks["rights"].Status != doctor.OK {
		t.Errorf("Sentinels: %+v, want the primary at %s", checks, watched.Primary.Addr())
	}
}

func TestDoctor_OfACDN(t *testing.T) {
	policy := plainPolicy + "cdn:\n  - {kind: cloudflare, zone: TEST_ZONE, token: TEST_TOKEN}\n"
	_, checks := examine(t, policy, nil)
	if c := checks["settings"]; c.Status != doctor.Fail || !strings.Contains(c.Says, "TEST_ZONE") || !strings.Contains(c.Says, "TEST_TOKEN") {
		t.Errorf("without variables: %+v, want both named", c)
	}
	t.Setenv("TEST_TOKEN", "hunter2")
	env := map[string]string{"TEST_ZONE": strings.Repeat("ab", 16)}
	for _, tt := range []struct {
		answers map[string]string // by the end of the path
		status  int               // of all but the first
		check   string
		want    doctor.Status
		code    int
	}{
		{map[string]string{"verify": `{"success":true,"result":{"status":"active"}}`, "": `{"success":true}`}, 200, "token", doctor.OK, exitOK},
		{map[string]string{"verify": `{"success":true,"result":{"status":"active"}}`, "": `{"success":true}`}, 200, "purge", doctor.OK, exitOK},
		{map[string]string{"verify": `{"success":true,"result":{"status":"disabled"}}`}, 200, "token", doctor.Fail, exitFindings},
		{map[string]string{"verify": `{"success":true,"result":{"status":"active"}}`, "": `{"success":false}`}, 403, "cache rules", doctor.Warn, exitFindings},
		{map[string]string{"verify": `{"success":true,"result":{"status":"active"}}`, "": `{"success":false}`}, 403, "purge", doctor.Fail, exitFindings},
		{map[string]string{"verify": `{"success":true,"result":{"status":"active"}}`, "": `{"success":false,"errors":[{"code":10003,"message":"could not find entrypoint ruleset"}]}`}, 404, "cache rules", doctor.OK, exitFindings},
		{map[string]string{"verify": `{"success":true,"result":{"status":"active"}}`, "": `{"success":false,"errors":[{"code":7003,"message":"Could not route to it"}]}`}, 404, "cache rules", doctor.Warn, exitFindings},
	} {
		api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "Bearer hunter2" {
				t.Errorf("%s: without the token", r.URL.Path)
			}
			answer, ok := tt.answers["verify"], strings.HasSuffix(r.URL.Path, "/verify")
			if !ok {
				answer = tt.answers[""]
				w.WriteHeader(tt.status)
			}
			fmt.Fprint(w, answer)
		}))
		code, checks := examine(t, policy, env, "--api", api.URL, "--probe-purge")
		if got := checks[tt.check]; got.Status != tt.want || code != tt.code {
			t.Errorf("%v, %d: exit %d, %s is %+v; want %d and %s", tt.answers, tt.status, code, tt.check, got, tt.code, tt.want)
		}
		api.Close()
	}
}
