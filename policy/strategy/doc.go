// Package strategy reads a caching strategy as people write it in Markdown, and
// writes the page that a team pins.
//
//	page ──blocks──▶ items, rows, headings ──clauses──▶ "5min TTL" ──rules──▶ Policy
//	                                             └──▶ not understood, by line
//	Policy ──Write──▶ page, in words that the same rules read
//
// # Model
//
// A page is made of blocks: headings, list items, rows of tables, paragraphs. A
// block that speaks of something has a label and clauses: "Inventory: write-through,
// 5min TTL (always fresh)" has the label "Inventory" and three clauses. Each clause
// is a statement. A rule is a regular expression over a whole clause and what it
// means for a class, a route, a profile, a CDN, the fleet or the generated code. What
// people call by several names stands once, in the vocabulary, and forms refer to it.
//
// A clause is tried as it stands, then without the name of a field before it and
// without words that say nothing. If no rule reads it, it is parted at words that
// join, if rules read all parts and the word says no more than that: "1h in Redis" is
// "1h" and "Redis", but "hits above 90% in the CDN" is neither half.
//
// A name is written or derived. In `code` or "quotes" it is taken letter by letter.
// In plain words it is derived: small letters, each word in the singular, joined by
// hyphens, without a last word that only says "many of these" (results, catalog,
// data, cache). So "Product catalog" and "products" are
// both product, "Search results" is search, "Auth tokens" is auth-token.
//
// # Invariants
//
//   - Every clause is counted, and is either understood or listed with its line, why
//     it is not, and what to write instead. Nothing is passed over.
//   - Each word of a statement is read by a rule, or is one that says nothing. A word
//     that limits or negates is never one of those, nor part of a derived name.
//   - What had to be decided is a note with its line, in the order of the words that
//     it is about, the same each time. A page by [Write] leaves nothing to decide.
//   - Two statements of one page do not win over each other: a contradiction is an
//     error that names both lines.
//   - Reading what [Write] wrote gives the same policy, and writing that the same
//     page.
//   - The work of a page grows with its length, which is at most [MaxSize], and with
//     nothing else: clauses and the ways to part them are bounded.
package strategy
