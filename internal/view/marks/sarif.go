package marks

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/url"
	"path"

	"github.com/dssctl/dssctl/internal/view"
)

// The parts of SARIF 2.1.0 that are written. The tests hold the result against
// the schema of the standard.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool       sarifTool     `json:"tool"`
		ColumnKind string        `json:"columnKind"`
		Results    []sarifResult `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name           string      `json:"name"`
		Version        string      `json:"version,omitempty"`
		InformationURI string      `json:"informationUri"`
		Rules          []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID               string      `json:"id"`
		ShortDescription sarifText   `json:"shortDescription"`
		Default          sarifConfig `json:"defaultConfiguration"`
	}
	sarifConfig struct {
		Level Level `json:"level"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifResult struct {
		RuleID       string            `json:"ruleId"`
		RuleIndex    int               `json:"ruleIndex"`
		Level        Level             `json:"level"`
		Message      sarifText         `json:"message"`
		Locations    []sarifLocation   `json:"locations"`
		Fingerprints map[string]string `json:"partialFingerprints"`
	}
	sarifLocation struct {
		Physical *sarifPhysical `json:"physicalLocation,omitempty"`
		Logical  []sarifLogical `json:"logicalLocations,omitempty"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   *sarifRegion  `json:"region,omitempty"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine   int `json:"startLine"`
		StartColumn int `json:"startColumn,omitempty"`
		EndLine     int `json:"endLine,omitempty"`
		EndColumn   int `json:"endColumn,omitempty"`
	}
	sarifLogical struct {
		Name string `json:"fullyQualifiedName"`
	}
)

const (
	sarifSchema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
	project     = "https://github.com/dssctl/dssctl"
)

// SARIF writes marks as a log of the Static Analysis Results Interchange Format,
// version 2.1.0. dir is as for GitHub.
func SARIF(w io.Writer, marks []Mark, tool, dir string) error {
	run := sarifRun{
		Tool:       sarifTool{sarifDriver{Name: "dssctl", Version: view.Clean(tool), InformationURI: project}},
		ColumnKind: "unicodeCodePoints", Results: []sarifResult{},
	}
	index := map[string]int{}
	for i, r := range Rules {
		index[r.ID] = i
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{ID: r.ID, ShortDescription: sarifText{r.Text}, Default: sarifConfig{levelOf(r.ID)}})
	}
	for _, m := range marks {
		text := view.Clean(m.Title)
		if m.Text != "" && m.Text != m.Title {
			text += "\n" + view.Clean(view.Shorten(m.Text, 8000))
		}
		run.Results = append(run.Results, sarifResult{
			RuleID: m.Rule, RuleIndex: index[m.Rule], Level: m.Level, Message: sarifText{text},
			Locations: location(m, dir), Fingerprints: map[string]string{"dssctl/v1": fingerprint(m)},
		})
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(sarifLog{Schema: sarifSchema, Version: "2.1.0", Runs: []sarifRun{run}})
}

func levelOf(rule string) Level {
	switch rule {
	case RuleError, RuleFailed:
		return Error
	case RuleChange, RuleDowntime:
		return Note
	default:
		return Warning
	}
}

func location(m Mark, dir string) []sarifLocation {
	var l sarifLocation
	if m.Place.Filename != "" {
		u := url.URL{Path: path.Join(dir, m.Place.Filename)}
		l.Physical = &sarifPhysical{Artifact: sarifArtifact{u.String()}}
		if s, e := m.Place.Start, m.Place.End; s.Line > 0 {
			l.Physical.Region = &sarifRegion{StartLine: s.Line, StartColumn: s.Column, EndLine: e.Line, EndColumn: e.Column}
		}
	}
	if m.Address != "" {
		l.Logical = []sarifLogical{{view.Clean(m.Address)}}
	}
	if l.Physical == nil && l.Logical == nil {
		return []sarifLocation{}
	}
	return []sarifLocation{l}
}

// fingerprint tells whether two logs mean the same finding: what it is about
// and not at which line, which other edits move.
func fingerprint(m Mark) string {
	about := m.Title
	if m.Rule == RuleChange || m.Rule == RuleDowntime {
		about = "" // counts and estimates differ from plan to plan
	}
	sum := sha256.Sum256([]byte(m.Rule + "\x00" + m.Address + "\x00" + about))
	return hex.EncodeToString(sum[:16])
}
