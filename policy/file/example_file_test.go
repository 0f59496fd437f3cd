package file

import (
	"testing"
	"time"
)

// TestLoad_Example reads the example of the repository.
func TestLoad_Example(t *testing.T) {
	p, index, err := Load("../../larder.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if got := p.Classes["product"].TTL.Memory; got != 5*time.Minute {
		t.Errorf("product's ttl.memory is %v, want 5m", got)
	}
	if got, want := index.Position("classes.product.ttl.memory").Line, 39; got != want {
		t.Errorf("product's ttl.memory is in line %d, want %d", got, want)
	}
}
