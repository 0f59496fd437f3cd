package cli

import (
	"fmt"

	"github.com/larderdev/larder/edge"
	"github.com/larderdev/larder/internal/muxroute"
)

// edgeQueries reads from a policy file by which parameters responses differ.
func edgeQueries(path string) (edge.Queries, error) {
	p, _, err := readPolicy(path)
	if err != nil {
		return nil, err
	}
	queries, err := p.Queries()
	if err != nil {
		return nil, err
	}
	// Patterns may conflict with each other, which is a mistake of the file and not of
	// the command line.
	if _, err := muxroute.NewTable(queries); err != nil {
		return nil, &failure{code: exitFindings, err: fmt.Errorf("%s cannot be used: %w", shown(path), err), next: "mend its routes"}
	}
	return queries, nil
}
