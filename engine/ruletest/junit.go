package ruletest

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"
)

// The form that CI servers read. Of the JUnit reports that are in use, this is
// what they have in common.
type (
	junitSuites struct {
		XMLName xml.Name   `xml:"testsuites"`
		Suite   junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Errors   int         `xml:"errors,attr"`
		Skipped  int         `xml:"skipped,attr"`
		Time     string      `xml:"time,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Name    string        `xml:"name,attr"`
		Class   string        `xml:"classname,attr"`
		File    string        `xml:"file,attr"`
		Time    string        `xml:"time,attr"`
		Failure *junitFailure `xml:"failure"`
		Skipped *junitSkipped `xml:"skipped"`
	}
	junitFailure struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
	junitSkipped struct {
		Message string `xml:"message,attr"`
	}
)

// WriteJUnit writes the results as a JUnit report. suite is its name.
func WriteJUnit(w io.Writer, suite string, results []Result) error {
	report := junitSuites{Suite: junitSuite{Name: suite, Tests: len(results)}}
	var took time.Duration
	for _, r := range results {
		took += r.Took
		c := junitCase{Name: r.Name, Class: suite, File: r.File, Time: junitTime(r.Took)}
		switch r.Status {
		case Failed:
			report.Suite.Failures++
			first, _, _ := strings.Cut(r.Message, "\n")
			c.Failure = &junitFailure{Message: first, Text: r.Where() + ": " + r.Command + "\n" + r.Message}
		case Skipped:
			report.Suite.Skipped++
			c.Skipped = &junitSkipped{Message: r.Message}
		}
		report.Suite.Cases = append(report.Suite.Cases, c)
	}
	report.Suite.Time = junitTime(took)
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	encoder := xml.NewEncoder(w)
	encoder.Indent("", "  ")
	if err := encoder.Encode(report); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func junitTime(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }
