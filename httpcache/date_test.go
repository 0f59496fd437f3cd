package httpcache_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larderdev/larder/httpcache"
)

func TestParseDate(t *testing.T) {
	for _, s := range []string{
		"Sun, 06 Nov 1994 08:49:37 GMT",
		"SUN, 06 NOV 1994 08:49:37 gmt",
		"Mon, 06 Nov 1994 08:49:37 GMT", // the name of the day is wrong
		"Sunday, 06-Nov-94 08:49:37 GMT",
		"sunday, 06-nov-94 08:49:37 Gmt",
		"Sun Nov  6 08:49:37 1994",
		"sun nov 06 08:49:37 1994",
	} {
		want := time.Date(1994, 11, 6, 8, 49, 37, 0, time.UTC)
		if got, ok := httpcache.ParseDate(s); !ok || !got.Equal(want) {
			t.Errorf("ParseDate(%q) = %v, %v, want %v", s, got, ok, want)
		}
	}
}

func TestParseDate_Invalid(t *testing.T) {
	for _, s := range []string{
		"", "0", "-1", "Sun", "Sun, ", ", ", "now",
		"Sun, 06 Nov 1994 08:49:37 UTC",
		"Sun, 06 Nov 1994 08:49:37 AEST",
		"Sun, 06 Nov 1994 08:49:37 +0000",
		"Sun, 06 Nov 1994 08:49:37",
		"Sun, 06 Nov 94 08:49:37 GMT",
		"Sun 06 Nov 1994 08:49:37 GMT",
		"Sun, 06  Nov  1994 08:49:37 GMT",
		"Sun, 06-Nov-1994 08:49:37 GMT",
		"Sun, 06 Nov 1994 08.49.37 GMT",
		"Sun, 06 Nov 1994 8:49:37 GMT",
		"Sun, 6 Nov 1994 08:49:37 GMT",
		"Sun, 31 Nov 1994 08:49:37 GMT",
		"Sun, 06 Nov 1994 24:49:37 GMT",
		"Sun, 06 Foo 1994 08:49:37 GMT",
		"Xyz, 06 Nov 1994 08:49:37 GMT",
		" Sun, 06 Nov 1994 08:49:37 GMT",
		"Sun, 06 Nov 1994 08:49:37.5 GMT",
		"Sun, 06-Nov-94 08:49:37 GMT",
		"Sunday, 06 Nov 1994 08:49:37 GMT",
		"Sun Nov 6 08:49:37 1994",
		"Sun Nov  6 08:49:37 1994 GMT",
		"1994-11-06T08:49:37Z",
	} {
		if got, ok := httpcache.ParseDate(s); ok || !got.IsZero() {
			t.Errorf("ParseDate(%q) = %v, %v, want none", s, got, ok)
		}
	}
}

// A year of two digits is at most 50 years ahead. The bubble's clock stands at
// 2000-01-01.
func TestParseDate_TwoDigitYear(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, tt := range []struct {
			s    string
			year int
		}{
			{"Thursday, 18-Aug-00 02:01:18 GMT", 2000},
			{"Thursday, 18-Aug-49 02:01:18 GMT", 2049},
			{"Thursday, 18-Aug-50 02:01:18 GMT", 1950},
			{"Thursday, 18-Aug-99 02:01:18 GMT", 1999},
		} {
			if got, ok := httpcache.ParseDate(tt.s); !ok || got.Year() != tt.year {
				t.Errorf("ParseDate(%q) in the year %d = %v, %v, want %d", tt.s, time.Now().Year(), got, ok, tt.year)
			}
		}
		time.Sleep(60 * 365 * 24 * time.Hour) // to the end of 2059
		if got, ok := httpcache.ParseDate("Thursday, 18-Aug-05 02:01:18 GMT"); !ok || got.Year() != 2105 {
			t.Errorf("18-Aug-05 in the year %d = %v, %v, want 2105", time.Now().Year(), got, ok)
		}
	})
}

// FuzzParseDate: what is a date here is one for net/http, and the same, except
// for the case of letters and the century.
func FuzzParseDate(f *testing.F) {
	for _, s := range []string{
		"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", "0", "Sun, 06 Nov 1994 08:49:37 UTC",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := httpcache.ParseDate(s)
		if !ok {
			return
		}
		if again, ok := httpcache.ParseDate(got.Format(http.TimeFormat)); !ok || !again.Equal(got) {
			t.Errorf("ParseDate(%q) = %v, and written again %v, %v", s, got, again, ok)
		}
		if want, err := http.ParseTime(s); err == nil && (want.YearDay() != got.YearDay() || want.Year()%100 != got.Year()%100) {
			t.Errorf("ParseDate(%q) = %v, net/http reads %v", s, got, want)
		}
	})
}
