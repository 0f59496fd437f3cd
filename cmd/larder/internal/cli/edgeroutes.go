package cli

import (
	"fmt"
	"maps"
	"slices"

	"github.com/larderdev/larder/edge"
	"github.com/larderdev/larder/internal/muxroute"
)

// edgeRoutes reads from a policy file by which parameters the responses of its routes
// differ.
func edgeRoutes(path string) ([]edge.Route, error) {
	p, _, err := readPolicy(path)
	if err != nil {
		return nil, err
	}
	// Patterns may conflict with each other, which is a mistake of the file and not of
	// the command line.
	if _, err := muxroute.NewTable(p.Routes); err != nil {
		return nil, &failure{code: exitFindings, err: fmt.Errorf("%s cannot be used: %w", shown(path), err), next: "mend its routes"}
	}
	var routes []edge.Route
	for _, pattern := range slices.Sorted(maps.Keys(p.Routes)) {
		route, err := p.ResolveRoute(pattern)
		if err != nil {
			return nil, err
		}
		r := edge.Route{Pattern: pattern}
		// As by the rules of larder cdn, what no shared cache keeps reaches the service as
		// it was sent. Such a route still takes its requests from less specific ones.
		if route.Edge > 0 {
			r.Query = route.Query
		}
		routes = append(routes, r)
	}
	return routes, nil
}
