package envelope_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/larderdev/larder/internal/envelope"
)

func TestOpen_ReturnsWhatWasSealed(t *testing.T) {
	long := bytes.Repeat([]byte("shirt "), 1000)
	for _, payload := range [][]byte{nil, []byte("x"), long} {
		h := envelope.Header{Schema: 7, Version: 1<<63 + 5, Cost: 20 * time.Millisecond, Fresh: time.Hour, Kind: 'N'}
		b := envelope.Seal(h, payload, 1024)
		got, p, err := envelope.Open(b, 7)
		if err != nil || got != h || !bytes.Equal(p, payload) {
			t.Errorf("Open(Seal(%d bytes)) = %+v, %d bytes, %v; want %+v", len(payload), got, len(p), err, h)
		}
		if len(payload) > 1024 && len(b) >= len(payload) {
			t.Errorf("%d bytes were sealed to %d, want fewer", len(payload), len(b))
		}
	}
}

// What a reader would not unpack is not packed.
func TestSeal_HugePayloadsComeBack(t *testing.T) {
	for _, n := range []int{64 << 20, 64<<20 + 1} {
		payload := make([]byte, n)
		b := envelope.Seal(envelope.Header{Schema: 7}, payload, 1024)
		if _, p, err := envelope.Open(b, 7); err != nil || !bytes.Equal(p, payload) {
			t.Errorf("Open(Seal(%d bytes)) = %d bytes, %v", n, len(p), err)
		}
	}
}

func TestOpen_NamesAnotherSchema(t *testing.T) {
	b := envelope.Seal(envelope.Header{Schema: 7, Version: 3}, []byte("x"), 0)
	if h, _, err := envelope.Open(b, 8); !errors.Is(err, envelope.ErrSchema) || h.Version != 3 {
		t.Errorf("Open with another schema = %+v, %v; want version 3 and ErrSchema", h, err)
	}
}

func TestOpen_FindsEveryFlippedByteAndEveryCut(t *testing.T) {
	b := envelope.Seal(envelope.Header{Schema: 7, Version: 3}, []byte("payload"), 0)
	for i := range b {
		bad := bytes.Clone(b)
		bad[i] ^= 0x10
		if _, _, err := envelope.Open(bad, 7); !errors.Is(err, envelope.ErrCorrupt) {
			t.Errorf("byte %d flipped: %v, want ErrCorrupt", i, err)
		}
		if _, _, err := envelope.Open(b[:i], 7); !errors.Is(err, envelope.ErrCorrupt) {
			t.Errorf("cut to %d bytes: %v, want ErrCorrupt", i, err)
		}
	}
}

func TestLook_NeedsNoSchemaAndNoKeys(t *testing.T) {
	secrets, err := envelope.NewSecrets([][]byte{make([]byte, 16)})
	if err != nil {
		t.Fatal(err)
	}
	h := envelope.Header{Schema: 7, Version: 3, Cost: time.Second, Fresh: time.Minute, Kind: 'V'}
	for _, tt := range []struct {
		sealed []byte
		want   envelope.Outside
	}{
		{envelope.Seal(h, []byte("shirt"), 0), envelope.Outside{Header: h, Payload: 5}},
		{envelope.Seal(h, bytes.Repeat([]byte("a"), 1000), 10), envelope.Outside{Header: h, Compressed: true}},
		{envelope.SealSecret(h, []byte("shirt"), 0, secrets, "k"), envelope.Outside{Header: h, Encrypted: true}},
	} {
		got, err := envelope.Look(tt.sealed)
		if tt.want.Payload == 0 {
			got.Payload = 0
		}
		if err != nil || got != tt.want {
			t.Errorf("Look = %+v, %v; want %+v", got, err, tt.want)
		}
		tt.sealed[20] ^= 1
		if _, err := envelope.Look(tt.sealed); !errors.Is(err, envelope.ErrCorrupt) {
			t.Errorf("Look at damaged bytes: %v, want ErrCorrupt", err)
		}
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(envelope.Seal(envelope.Header{Schema: 7}, bytes.Repeat([]byte("a"), 200), 10))
	f.Add([]byte("no envelope"))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, p, err := envelope.Open(b, 7)
		if err != nil && p != nil {
			t.Errorf("Open returned both a payload and %v", err)
		}
	})
}
