package layout

import "fmt"

// Rule is one thing that the tree is held to.
type Rule struct {
	// Name says what is right, in words.
	Name string
	// Check returns a finding for everything that is not, as "place: what".
	Check func(*Tree) []string
}

// Rules returns all rules.
func Rules() []Rule {
	return []Rule{
		{"larder links no transport, no format and no driver", rootLinks},
		{"only internal/memory knows otter", otterOnce},
		{"store stands on the standard library alone", storeAlone},
		{"httpcache, purge and policy know nothing of the cache", cacheUnknown},
		{"edge knows nothing of the typed cache", edgeAlone},
		{"production code links no test helper", noTestHelpers},
		{"the root module requires what is agreed", requirements},
		{"a package is named for what it does", packageNames},
		{"a package has a comment", packageComments},
		{"a package exports little", exportCount},
		{"what is exported is documented", exportDocs},
		{"functions are short", functionLength},
		{"files are short", fileLength},
		{"nothing happens at init", noInit},
		{"tests do not sleep", noSleep},
		{"nothing is left for later", noLeftovers},
		{"every Go file belongs to a module of the workspace", noStrays},
	}
}

func noStrays(t *Tree) []string {
	stray, err := t.Stray()
	if err != nil {
		return []string{err.Error()}
	}
	var found []string
	for _, dir := range stray {
		found = append(found, fmt.Sprintf("%s: not in a module that go.work uses", dir))
	}
	return found
}
