package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/lockstep-sync/lockstep/rules"
)

// The forms in which check writes what it finds.
const (
	formatText   = "text"
	formatGitHub = "github"
	formatSARIF  = "sarif"
)

// writeGitHub writes diagnostics as the annotations of a GitHub workflow.
func writeGitHub(w io.Writer, found rules.Diagnostics) {
	property := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
	message := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	for _, d := range found {
		fmt.Fprintf(w, "::%s file=%s", d.Severity, property.Replace(filepath.ToSlash(d.File)))
		if d.Line > 0 {
			fmt.Fprintf(w, ",line=%d,endLine=%d", d.Line, max(d.EndLine, d.Line))
			if d.EndLine <= d.Line { // columns are of one line
				fmt.Fprintf(w, ",col=%d,endColumn=%d", d.Column, max(d.EndColumn, d.Column))
			}
		}
		fmt.Fprintf(w, ",title=%s::%s\n", property.Replace(d.Summary), message.Replace(d.Detail))
	}
}

// The parts of SARIF 2.1.0 that code review shows.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool    sarifTool     `json:"tool"`
		Results []sarifResult `json:"results"`
		// ColumnKind says that columns count characters, not UTF-16 units.
		ColumnKind string `json:"columnKind"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name    string `json:"name"`
		Version string `json:"version"`
	}
	sarifResult struct {
		RuleID    string          `json:"ruleId"`
		Level     string          `json:"level"`
		Message   sarifMessage    `json:"message"`
		Locations []sarifLocation `json:"locations"`
	}
	sarifMessage struct {
		Text string `json:"text"`
	}
	sarifLocation struct {
		Physical sarifPhysical `json:"physicalLocation"`
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
		StartColumn int `json:"startColumn"`
		EndLine     int `json:"endLine"`
		EndColumn   int `json:"endColumn"`
	}
)

// sarif returns diagnostics as a SARIF log.
func sarif(found rules.Diagnostics, version string) sarifLog {
	results := make([]sarifResult, 0, len(found))
	for _, d := range found {
		place := sarifPhysical{Artifact: sarifArtifact{filepath.ToSlash(d.File)}}
		if d.Line > 0 {
			place.Region = &sarifRegion{d.Line, d.Column, max(d.EndLine, d.Line), d.EndColumn}
			if d.EndLine <= d.Line {
				place.Region.EndColumn = max(d.EndColumn, d.Column)
			}
		}
		results = append(results, sarifResult{
			RuleID: "configuration", Level: d.Severity, Message: sarifMessage{d.Summary + ". " + d.Detail}, Locations: []sarifLocation{{place}},
		})
	}
	return sarifLog{
		Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0",
		Runs: []sarifRun{{Tool: sarifTool{sarifDriver{"lockstep", version}}, Results: results, ColumnKind: "unicodeCodePoints"}},
	}
}
