package main

import (
	"fmt"
	"io"
	"net/url"
	"os"
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
		Tool       sarifTool     `json:"tool"`
		Results    []sarifResult `json:"results"`
		ColumnKind string        `json:"columnKind"`
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

// sarif returns diagnostics as a SARIF log. Columns are in UTF-16 code units, the end being
// the one after the last; a file is named as seen from here.
func sarif(found rules.Diagnostics, version string) sarifLog {
	results := make([]sarifResult, 0, len(found))
	for _, d := range found {
		place := sarifPhysical{Artifact: sarifArtifact{fileURI(d.File)}}
		if d.Line > 0 {
			start := max(d.Units, 1)
			place.Region = &sarifRegion{d.Line, start, max(d.EndLine, d.Line), max(d.EndUnits, 1)}
			if d.EndLine <= d.Line {
				place.Region.EndColumn = max(d.EndUnits, start)
			}
		}
		results = append(results, sarifResult{
			RuleID: "configuration", Level: d.Severity, Message: sarifMessage{d.Summary + ". " + d.Detail}, Locations: []sarifLocation{{place}},
		})
	}
	return sarifLog{
		Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0",
		Runs: []sarifRun{{Tool: sarifTool{sarifDriver{"lockstep", version}}, Results: results, ColumnKind: "utf16CodeUnits"}},
	}
}

// fileURI returns a file's name as a URI reference: relative where it is in or below the
// working directory.
func fileURI(name string) string {
	if !filepath.IsAbs(name) {
		return (&url.URL{Path: filepath.ToSlash(filepath.Clean(name))}).String()
	}
	if here, err := os.Getwd(); err == nil {
		if relative, err := filepath.Rel(here, name); err == nil && filepath.IsLocal(relative) {
			return (&url.URL{Path: filepath.ToSlash(relative)}).String()
		}
	}
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(name)}).String()
}
