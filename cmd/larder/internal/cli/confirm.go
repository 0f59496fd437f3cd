package cli

import (
	"bufio"
	"context"
	"fmt"
	"strings"
)

// confirm asks a person, who must be at a terminal, unless yes was said already.
func (a *app) confirm(ctx context.Context, yes bool, question string) error {
	if yes {
		return nil
	}
	if !a.isTerminal(a.in) {
		return usagef("look at it, and give --yes", "there is no terminal to ask at")
	}
	// On standard error, which is seen even if the output goes into a file. Whoever
	// presses Enter has not agreed.
	fmt.Fprintf(a.err, "%s [y/N] ", question)
	answer := make(chan string, 1)
	go func() { // ends with the line, or with the program
		line, _ := bufio.NewReader(a.in).ReadString('\n')
		answer <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case said := <-answer:
		if said == "y" || said == "yes" {
			return nil
		}
	case <-ctx.Done():
		return environment("", ctx.Err())
	}
	return usagef("answer y, or give --yes", "nothing was changed")
}
