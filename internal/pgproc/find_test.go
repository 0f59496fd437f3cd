package pgproc

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestBinDir(t *testing.T) {
	for _, tt := range []struct {
		name  string
		files []string // below the folder of the machine
		path  string   // the PATH, also below it
		want  string
	}{
		{"the newest by number, not by name", []string{"9.6/bin/initdb", "9.6/bin/postgres", "15/bin/initdb", "15/bin/postgres"}, "", "15/bin"},
		{"a client package alone is no server", []string{"15/bin/initdb", "15/bin/postgres", "16/bin/psql"}, "", "15/bin"},
		{"the PATH first", []string{"15/bin/initdb", "15/bin/postgres", "own/initdb", "own/postgres"}, "own", "own"},
		{"a lone initdb on the PATH is not enough", []string{"15/bin/initdb", "15/bin/postgres", "own/initdb"}, "own", "15/bin"},
		{"nothing", nil, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			machine := t.TempDir()
			for _, file := range tt.files {
				file = filepath.Join(machine, file)
				if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, nil, 0o755); err != nil {
					t.Fatal(err)
				}
			}
			t.Setenv("PATH", filepath.Join(machine, tt.path))

			got, err := binDir(filepath.Join(machine, "*/bin"))
			if tt.want == "" {
				if !errors.Is(err, ErrNotInstalled) {
					t.Errorf("binDir = %q, %v; want %v", got, err, ErrNotInstalled)
				}
				return
			}
			if want := filepath.Join(machine, tt.want); got != want || err != nil {
				t.Errorf("binDir = %q, %v; want %q", got, err, want)
			}
		})
	}
}
