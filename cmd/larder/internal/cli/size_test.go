package cli

import "testing"

func TestSize(t *testing.T) {
	for text, want := range map[string]struct {
		bytes int64
		shown string
	}{
		"0":                   {0, "0"},
		"1":                   {1, "1"},
		"-1":                  {-1, "-1"},
		"1000":                {1000, "1000"},
		"1024":                {1024, "1KiB"},
		"67108864":            {64 << 20, "64MiB"},
		"64MiB":               {64 << 20, "64MiB"},
		"64MB":                {64e6, "62500KiB"},
		"10B":                 {10, "10"},
		"3kB":                 {3000, "3000"},
		"4GiB":                {4 << 30, "4GiB"},
		"9223372036854775807": {1<<63 - 1, "9223372036854775807"},
	} {
		var s size
		if err := s.Set(text); err != nil || int64(s) != want.bytes || s.String() != want.shown {
			t.Errorf("%s: %d, %s, %v; want %d, %s", text, s, s.String(), err, want.bytes, want.shown)
		}
	}
	for _, text := range []string{"", "MiB", "64mb", "64 MiB", "1.5GiB", "64M", "9223372036854775808", "9223372036854775807kB", "0x10", "1e6"} {
		s := size(7)
		if err := s.Set(text); err == nil || s != 7 {
			t.Errorf("%q: %d, %v; want an error, and nothing changed", text, s, err)
		}
	}
}
