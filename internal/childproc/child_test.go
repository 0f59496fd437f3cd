package childproc

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// shell is a child that runs script.
func shell(script string) Spec {
	return Spec{Cmd: exec.Command("sh", "-c", script), Ready: "ready to serve", Grace: time.Minute}
}

func TestStart_ReadyThenStop(t *testing.T) {
	c, err := Start(t.Context(), shell("printf 'ready to '; echo serve; exec sleep 300"))
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-c.Done():
		t.Fatalf("the child ended by itself: %s", c.Output())
	default:
	}
	c.Stop()
	c.Stop() // twice is allowed
	if got, want := c.cmd.ProcessState.String(), "signal: terminated"; got != want {
		t.Errorf("ended with %q, want %q", got, want)
	}
	if got, want := c.Output(), "ready to serve"; got != want {
		t.Errorf("Output() = %q, want %q", got, want)
	}
}

func TestStart_Failures(t *testing.T) {
	for _, tt := range []struct {
		name, script string
		want         string
	}{
		{"exits with an error", "echo 'no such option' >&2; exit 3", "exit status 3\nno such option"},
		{"exits without one", "exit 0", "exit status 0"},
		{"its port is taken", "echo 'bind: Address already in use'; exit 1", ErrPortTaken.Error()},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Start(t.Context(), shell(tt.script))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Start(%q) = %v, want an error with %q", tt.script, err, tt.want)
			}
		})
	}
}

func TestStart_NeverReady(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	spec := shell("echo warming up; exec sleep 300")
	_, err := Start(ctx, spec)
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "warming up") {
		t.Errorf("Start = %v, want %v and the output", err, context.DeadlineExceeded)
	}
	if spec.Cmd.ProcessState == nil {
		t.Error("the child still runs")
	}
}

func TestStart_NoSuchCommand(t *testing.T) {
	_, err := Start(t.Context(), Spec{Cmd: exec.Command("/no/such/server")})
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Start = %v, want %v", err, os.ErrNotExist)
	}
}

func TestStop_DeafChild(t *testing.T) {
	spec := shell("trap '' TERM; echo ready to serve; while :; do sleep 0.02; done")
	spec.Grace = 20 * time.Millisecond
	c, err := Start(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	c.Stop()
	if got, want := c.cmd.ProcessState.String(), "signal: killed"; got != want {
		t.Errorf("ended with %q, want %q", got, want)
	}
}

func TestStartOnFreePort_AnotherPortWhenTaken(t *testing.T) {
	var offered []int
	c, port, err := StartOnFreePort(t.Context(), func(port int) Spec {
		offered = append(offered, port)
		if len(offered) < 3 {
			return shell("echo 'Address already in use'; exit 1")
		}
		return shell("echo ready to serve; exec sleep 300")
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Stop()
	if len(offered) != 3 || port != offered[2] {
		t.Errorf("offered %v and returned %d, want the last of three", offered, port)
	}
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatalf("the port is not free: %v", err)
	}
	l.Close()
}

func TestStartOnFreePort_GivesUp(t *testing.T) {
	tries := 0
	_, _, err := StartOnFreePort(t.Context(), func(int) Spec {
		tries++
		return shell("echo 'Address already in use'; exit 1")
	})
	if !errors.Is(err, ErrPortTaken) || tries != portTries {
		t.Errorf("%d tries, %v; want %d, %v", tries, err, portTries, ErrPortTaken)
	}
}

func TestOutput_KeepsTheEnd(t *testing.T) {
	o := newOutput("never")
	for i := range 2_000 {
		fmt.Fprintf(o, "line %d\n", i)
	}
	got := o.String()
	if len(got) > keep || !strings.HasSuffix(got, "line 1999\n") {
		t.Errorf("kept %d bytes ending in %q, want at most %d ending in the last line",
			len(got), got[max(0, len(got)-20):], keep)
	}
}
