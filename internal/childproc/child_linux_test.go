package childproc

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// parentEnv makes the test binary play a parent that is killed with a child
// running: see TestChildDiesWithItsParent.
const parentEnv = "CHILDPROC_TEST_PARENT"

func TestMain(m *testing.M) {
	if os.Getenv(parentEnv) != "" {
		playParent()
	}
	os.Exit(m.Run())
}

func TestStop_PausedChild(t *testing.T) {
	c, err := Start(t.Context(), shell("echo ready to serve; exec sleep 300"))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Process().Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	c.Stop()
	// Not "killed": that would have cost the whole grace.
	if got, want := c.cmd.ProcessState.String(), "signal: terminated"; got != want {
		t.Errorf("ended with %q, want %q", got, want)
	}
}

// TestChildDiesWithItsParent kills a parent whose child is paused, the hardest
// case. The child holds the only other end of a pipe, so the end of the pipe
// is the end of the child.
func TestChildDiesWithItsParent(t *testing.T) {
	held, holder, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), parentEnv+"=1")
	parent.ExtraFiles = []*os.File{holder}
	parent.Stderr = os.Stderr
	says, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	holder.Close()
	if line, err := bufio.NewReader(says).ReadString('\n'); err != nil {
		t.Fatalf("the parent said %q: %v", line, err)
	}
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait() // "signal: killed"
	if err := held.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(held); err != nil {
		t.Errorf("the child lives on without its parent: %v", err)
	}
}

// playParent starts a child that holds the pipe, pauses it, says so and waits
// to be killed.
func playParent() {
	spec := shell("echo ready to serve; exec sleep 300")
	spec.Cmd.ExtraFiles = []*os.File{os.NewFile(3, "pipe")}
	c, err := Start(context.Background(), spec)
	if err == nil {
		err = c.Process().Signal(syscall.SIGSTOP)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("child is paused")
	select {}
}
