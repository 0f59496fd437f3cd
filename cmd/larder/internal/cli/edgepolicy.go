package cli

import (
	"fmt"

	"github.com/larderdev/larder/edge"
	"github.com/larderdev/larder/internal/muxroute"
)

// edgeQueries reads from a policy file by which parameters responses differ.
// The rest of the policy is for the service and its CDNs: an edge believes the headers
// of responses, and the file is not asked how long they live.
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
