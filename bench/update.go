package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/larderdev/larder"
	"github.com/redis/rueidis"
)

// inventory is what the writers write: a small row with a version.
type inventory struct {
	ProductID int    `json:"product_id"`
	Stock     int    `json:"stock"`
	Version   uint64 `json:"version"`
}

// writers is a bed with two classes that are written through, and a client
// beside them. The origin is a counter, so that the tiers alone are measured.
type writers struct {
	*bed
	plain, strict *larder.Cache[int, inventory]
	bare          rueidis.Client
	version       atomic.Uint64
}

func newWriters(ctx context.Context, away time.Duration) (*writers, error) {
	b, err := newBare(ctx, away)
	if err != nil {
		return nil, err
	}
	w := &writers{bed: b}
	if err := b.open(ctx, map[string]larder.Policy{
		"plain":  {TTL: time.Hour, Pattern: larder.WriteThrough},
		"strict": {TTL: time.Hour, Pattern: larder.WriteThrough, Strict: true},
	}); err != nil {
		return nil, err
	}
	for class, cache := range map[string]**larder.Cache[int, inventory]{"plain": &w.plain, "strict": &w.strict} {
		if *cache, err = larder.NewCache(w.l, class, larder.Loader[int, inventory]{
			Load:    func(_ context.Context, id int) (inventory, error) { return w.write(id), nil },
			Version: func(v inventory) uint64 { return v.Version },
		}); err != nil {
			return nil, errors.Join(err, w.close())
		}
	}
	if w.bare, err = rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{b.addr()}, DisableCache: true}); err != nil {
		return nil, errors.Join(err, w.close())
	}
	for id := range keys {
		if err := errors.Join(w.plain.Refresh(ctx, id), w.strict.Refresh(ctx, id)); err != nil {
			return nil, errors.Join(err, w.close())
		}
	}
	return w, nil
}

func (w *writers) close() error {
	if w.bare != nil {
		w.bare.Close()
	}
	return w.bed.close()
}

// write is the origin.
func (w *writers) write(id int) inventory {
	v := w.version.Add(1)
	return inventory{ProductID: id, Stock: int(v % 100), Version: v}
}

// The three ways to put a row into the shared tier.

func (w *writers) updatePlain(ctx context.Context, i int) error {
	id := i % keys
	_, err := w.plain.Update(ctx, id, func(context.Context) (inventory, error) { return w.write(id), nil })
	return err
}

func (w *writers) updateStrict(ctx context.Context, i int) error {
	id := i % keys
	_, err := w.strict.Update(ctx, id, func(ctx context.Context) (inventory, error) {
		v := w.write(id)
		return v, larder.Intend(ctx)
	})
	return err
}

func (w *writers) set(ctx context.Context, i int) error {
	body, err := json.Marshal(w.write(i % keys))
	if err != nil {
		return err
	}
	return w.bare.Do(ctx, w.bare.B().Set().Key("bare:"+strconv.Itoa(i%keys)).Value(rueidis.BinaryString(body)).Build()).Error()
}

// trips returns the round trips of one call of update: the calls of the store,
// which must be the commands that the server has seen. A value must be in the
// shared tier afterwards.
func (w *writers) tripsOf(ctx context.Context, update func(context.Context, int) error) (int64, error) {
	const n = 100
	if err := w.bare.Do(ctx, w.bare.B().ConfigResetstat().Build()).Error(); err != nil {
		return 0, err
	}
	calls, through := w.trips.calls.Load(), w.writtenThrough()
	for i := range n {
		if err := update(ctx, i); err != nil {
			return 0, err
		}
	}
	calls = w.trips.calls.Load() - calls
	if through = w.writtenThrough() - through; through != n {
		return 0, fmt.Errorf("%d of %d updates were written through", through, n)
	}
	info, err := w.bare.Do(ctx, w.bare.B().Info().Section("commandstats").Build()).ToString()
	if err != nil {
		return 0, err
	}
	if seen := callsOf(info, "evalsha"); seen != calls {
		return 0, fmt.Errorf("%d calls of the store are %d scripts of the server", calls, seen)
	}
	if calls%n != 0 {
		return 0, fmt.Errorf("%d updates took %d round trips", n, calls)
	}
	return calls / n, nil
}

func (w *writers) writtenThrough() uint64 {
	stats := w.l.Stats().Classes
	return stats["plain"].WrittenThrough + stats["strict"].WrittenThrough
}

// callsOf reads from what INFO commandstats says how often a command was called.
func callsOf(info, command string) int64 {
	_, line, _ := strings.Cut(info, "cmdstat_"+command+":calls=")
	digits, _, _ := strings.Cut(line, ",")
	n, _ := strconv.ParseInt(digits, 10, 64)
	return n
}

// updates compares a strict Update and a plain one with a bare SET: by one
// caller, for whom two round trips are twice as long as one only where the
// network is most of it, and by many.
func updates(ctx context.Context) ([]row, error) {
	var all []row
	for _, run := range []struct {
		name string
		bar  string
		away time.Duration
		as   func(func(i int) error) func(n int) error
	}{
		{"1 caller", "≤ 2.2", 0, serial},
		{"2 ms away", "≤ 2.2", time.Millisecond, serial},
		{fmt.Sprintf("%d goroutines", goroutines), noBar, 0, parallel},
	} {
		w, err := newWriters(ctx, run.away)
		if err != nil {
			return nil, err
		}
		rows, err := w.compare(ctx, run.name, run.bar, run.as)
		if err = errors.Join(err, w.close()); err != nil {
			return nil, err
		}
		all = append(all, rows...)
	}
	return all, nil
}

func (w *writers) compare(ctx context.Context, name, bar string, as func(func(i int) error) func(n int) error) ([]row, error) {
	plainTrips, err := w.tripsOf(ctx, w.updatePlain)
	if err != nil {
		return nil, err
	}
	strictTrips, err := w.tripsOf(ctx, w.updateStrict)
	if err != nil {
		return nil, err
	}
	times, ratios, err := compare(
		as(func(i int) error { return w.updatePlain(ctx, i) }),
		as(func(i int) error { return w.updateStrict(ctx, i) }),
		as(func(i int) error { return w.set(ctx, i) }),
	)
	if err != nil {
		return nil, err
	}
	bare := fmt.Sprintf("%.1f µs SET", times[2]/1e3)
	return []row{
		{
			what:   "update, plain, " + name,
			larder: fmt.Sprintf("%d trip, %.1f µs", plainTrips, times[0]/1e3), bare: bare,
			ratio: ratios[0], bar: noBar,
		},
		{
			what:   "update, strict, " + name,
			larder: fmt.Sprintf("%d trips, %.1f µs", strictTrips, times[1]/1e3), bare: bare,
			ratio: ratios[1], bar: bar, kept: ratios[1] <= 2.2 && strictTrips == 2 && plainTrips == 1,
		},
	}, nil
}

// serial runs f again and again in one goroutine.
func serial(f func(i int) error) func(n int) error {
	return func(n int) error {
		for i := range n {
			if err := f(i); err != nil {
				return err
			}
		}
		return nil
	}
}
