package redisstore_test

import (
	"context"
	"log"
	"time"

	"github.com/larderdev/larder/redisstore"
)

// A server that is down is no error: Open waits two seconds at most here, and
// the Store goes on connecting in the background.
func ExampleOpen() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	s, err := redisstore.Open(ctx, redisstore.Options{URL: "redis://:password@localhost:6379"})
	if err != nil {
		log.Fatal(err) // wrong options, a wrong password or an old server
	}
	defer s.Close()
}

// Of a cluster, a few addresses are enough.
func ExampleOpen_cluster() {
	s, err := redisstore.Open(context.Background(), redisstore.Options{
		Addrs:     []string{"cache-1:6379", "cache-2:6379"},
		Cluster:   true,
		Namespace: "shop",
	})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
}

// Sentinels are asked where the primary is.
func ExampleOpen_sentinel() {
	s, err := redisstore.Open(context.Background(), redisstore.Options{
		Addrs:          []string{"sentinel-1:26379", "sentinel-2:26379", "sentinel-3:26379"},
		SentinelMaster: "cache",
		Password:       "password",
	})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
}
