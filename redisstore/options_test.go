package redisstore

import (
	"context"
	"crypto/tls"
	"slices"
	"strings"
	"testing"
	"time"
)

// secret stands in for a password wherever one may be.
const secret = "s3cret"

func TestOptions_Mistakes(t *testing.T) {
	for _, c := range []struct {
		opts Options
		want []string
	}{
		{Options{}, []string{"URL or Addrs is needed"}},
		{Options{URL: "redis://h", Addrs: []string{"h:1"}}, []string{"URL and Addrs are both set"}},
		{
			Options{URL: "redis://h", Namespace: "a:b", DB: -1, DialTimeout: -1, FlushDelay: time.Second, Username: "u"},
			[]string{"Namespace", "DB is -1", "DialTimeout", "FlushDelay is 1s", "Username needs a Password"},
		},
		{Options{Addrs: []string{"h:1", "h:2"}}, []string{"Addrs has 2 entries"}},
		{Options{Addrs: []string{"h", ":1", "h:0", "h:x", "h:70000"}, Cluster: true}, []string{"neither host:port", `port "0"`, `port "x"`, `port "70000"`}},
		{Options{Addrs: []string{"redis://u:" + secret + "@h:1"}}, []string{"neither host:port"}},
		{Options{Addrs: []string{"u:" + secret + "@h:1"}}, []string{"neither host:port"}},
		{Options{URL: "http://u:" + secret + "@h"}, []string{"must begin with redis://"}},
		{Options{URL: "redis://u:" + secret + "@h:port"}, []string{"cannot be parsed"}},
		{Options{URL: "redis://u:" + secret + "%zz@h"}, []string{"cannot be parsed"}},
		{Options{URL: "redis://u:#" + secret + "@h"}, []string{"fragment"}},
		{Options{URL: "redis://h#" + secret}, []string{"fragment"}},
		{Options{URL: "redis://:" + secret + "@"}, []string{"no host"}},
		{Options{URL: "redis://h?password=" + secret}, []string{"parameters"}},
		{Options{URL: "redis://h/x"}, []string{`database "x"`}},
		{Options{URL: "redis://h/1", DB: 2}, []string{"DB is 2, but URL names database 1"}},
		{Options{URL: "redis://u:" + secret + "@h", Password: "other"}, []string{"a login too"}},
		{Options{URL: "unix://h/path"}, []string{"unix:///path"}},
		{Options{URL: "unix:///path?db=1&x=2"}, []string{"only parameter"}},
		{Options{URL: "redis://h", SentinelMaster: "m"}, []string{"SentinelMaster needs Addrs"}},
		{Options{URL: "redis://h", SentinelPassword: secret}, []string{"need SentinelMaster"}},
		{Options{Addrs: []string{"h:1"}, SentinelMaster: "m", Cluster: true}, []string{"both set"}},
		{Options{Addrs: []string{"h:1"}, Cluster: true, DB: 1}, []string{"only database 0"}},
	} {
		_, err := Open(context.Background(), c.opts)
		if err == nil {
			t.Errorf("%+v: no error", c.opts)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("error %q, want it to contain %q", err, want)
			}
		}
		if strings.Contains(err.Error(), secret) {
			t.Errorf("error %q has the password in it", err)
		}
	}
}

func TestOptions_Resolve(t *testing.T) {
	for _, c := range []struct {
		opts  Options
		addrs []string
		user  string
		pass  string
		db    int
		tls   bool
	}{
		{Options{URL: "redis://h"}, []string{"h:6379"}, "", "", 0, false},
		{Options{URL: "valkey://h:1/4"}, []string{"h:1"}, "", "", 4, false},
		{Options{URL: "redis://:p@h/"}, []string{"h:6379"}, "", "p", 0, false},
		{Options{URL: "rediss://u:p%23%40@h:1"}, []string{"h:1"}, "u", "p#@", 0, true},
		{Options{URL: "valkeys://h"}, []string{"h:6379"}, "", "", 0, true},
		{Options{URL: "redis://[::1]:7"}, []string{"[::1]:7"}, "", "", 0, false},
		{Options{URL: "redis://h", TLS: &tls.Config{}}, []string{"h:6379"}, "", "", 0, true},
		{Options{URL: "unix:///run/redis.sock?db=2"}, []string{"/run/redis.sock"}, "", "", 2, false},
		{Options{Addrs: []string{"/run/redis.sock"}, Password: "p"}, []string{"/run/redis.sock"}, "", "p", 0, false},
		{Options{Addrs: []string{"h:1", "h:2"}, Cluster: true}, []string{"h:1", "h:2"}, "", "", 0, false},
	} {
		got, err := c.opts.resolve()
		if err != nil {
			t.Errorf("%+v: %v", c.opts, err)
			continue
		}
		if !slices.Equal(got.addrs, c.addrs) || got.Username != c.user || got.Password != c.pass || got.DB != c.db || (got.TLS != nil) != c.tls {
			t.Errorf("%+v: addrs %q, login %q %q, DB %d, TLS %v", c.opts, got.addrs, got.Username, got.Password, got.DB, got.TLS != nil)
		}
		if got.Namespace != "larder" || got.DialTimeout != defaultDialTimeout {
			t.Errorf("%+v: Namespace %q, DialTimeout %v", c.opts, got.Namespace, got.DialTimeout)
		}
	}
}
