// Package layout holds the repository to its own design: the direction of
// imports, the dependencies a user is made to link, the size of things and a
// few habits. ARCHITECTURE.md explains the design; this package only notices
// when the code leaves it.
//
// A [Tree] is every package of every module that go.work ties together. A
// [Rule] looks at a tree and reports findings in words. The rules are proven
// on the small trees in testdata, each of which breaks one rule on purpose: a
// new rule comes with a new file there.
package layout
