package lint

import (
	"io"
	"net/url"
)

// The objects of SARIF 2.1.0 that are written, by section of the standard.
type (
	sarifText struct {
		Text string `json:"text"`
	}
	sarifRule struct { // 3.49 reportingDescriptor
		ID            string         `json:"id"`
		Short         sarifText      `json:"shortDescription"`
		Full          sarifText      `json:"fullDescription"`
		Help          sarifText      `json:"help"`
		Configuration map[string]any `json:"defaultConfiguration"`
	}
	sarifResult struct { // 3.27
		Rule         string            `json:"ruleId"`
		Index        *int              `json:"ruleIndex,omitempty"`
		Level        Severity          `json:"level"`
		Message      sarifText         `json:"message"`
		Locations    []sarifLocation   `json:"locations"`
		Fingerprints map[string]string `json:"partialFingerprints"`
	}
	sarifLocation struct { // 3.28
		Physical *sarifPhysical      `json:"physicalLocation,omitempty"`
		Logical  []map[string]string `json:"logicalLocations"`
	}
	sarifPhysical struct { // 3.29
		Artifact map[string]string `json:"artifactLocation"`
		Region   map[string]int    `json:"region,omitempty"`
	}
)

// writeSARIF lists all rules, so that a page of them can be shown beside a result, and
// gives each result a fingerprint of its place in the policy: lines move.
func writeSARIF(w io.Writer, all []located) error {
	descriptors, index := sarifRules()
	results := []sarifResult{} // not nil: null is no list
	for i := range all {
		results = append(results, sarifResultOf(&all[i], index))
	}
	return encode(w, map[string]any{
		"$schema": "https://json.schemastore.org/sarif-2.1.0.json",
		"version": "2.1.0",
		"runs": []any{map[string]any{
			"tool":       map[string]any{"driver": map[string]any{"name": "larder lint", "rules": descriptors}},
			"columnKind": "unicodeCodePoints",
			"results":    results,
		}},
	})
}

// sarifRules returns all rules as the standard describes them, and the number of each by
// its id, which results refer to.
func sarifRules() (descriptors []sarifRule, index map[string]int) {
	index = map[string]int{}
	for i, r := range Rules() {
		index[r.ID] = i
		descriptors = append(descriptors, sarifRule{
			ID: r.ID, Short: sarifText{r.Summary}, Full: sarifText{r.Why},
			Help:          sarifText{r.Why + "\n\nWrong:\n\n" + r.Bad + "\nRight:\n\n" + r.Good},
			Configuration: map[string]any{"level": r.Severity},
		})
	}
	return descriptors, index
}

// sarifResultOf writes a finding with its place in the file, if that is known, and its
// path, which always is. Columns are from 1 (3.30.6): 0 would be no valid one.
func sarifResultOf(l *located, index map[string]int) sarifResult {
	at := sarifLocation{Logical: []map[string]string{{"fullyQualifiedName": l.Path}}}
	if l.File != "" {
		at.Physical = &sarifPhysical{Artifact: map[string]string{"uri": (&url.URL{Path: l.File}).String()}}
		if l.Line > 0 {
			at.Physical.Region = map[string]int{"startLine": l.Line, "startColumn": max(l.Column, 1)}
		}
	}
	var of *int // nil: a rule of whoever has made the finding; 0 would be the first of ours
	if i, ok := index[l.Rule]; ok {
		of = &i
	}
	return sarifResult{
		Rule: l.Rule, Index: of, Level: l.Severity, Message: sarifText{l.Message + ". " + l.Mend},
		Locations: []sarifLocation{at}, Fingerprints: map[string]string{"path/v1": l.Rule + " " + l.Path},
	}
}
