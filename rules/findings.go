package rules

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/lockstep-sync/lockstep/rules/source"
)

// findings collects what is wrong while a configuration is read. Checking goes
// on after a mistake, so that one run shows all of them, but no more than a few of
// a kind: what is wrong everywhere is one fault.
type findings struct {
	list   []finding
	kinds  map[findingKind]int // how many there are of each
	all    int                 // those too that are not in the list
	failed int                 // of all, errors
}

type finding struct {
	severity string
	at       hcl.Range
	summary  string
	detail   string
}

// mostOfAKind is how many findings of one kind, in one file, are shown.
const mostOfAKind = 20

// A findingKind is what findings have in common but for the names in them.
type findingKind struct{ file, severity, summary string }

var quoted = regexp.MustCompile(`"[^"]*"|\d+`)

func (d finding) kind() findingKind {
	return findingKind{d.at.Filename, d.severity, quoted.ReplaceAllString(d.summary, "…")}
}

// report takes a finding.
func (f *findings) report(d finding) {
	f.all++
	if d.severity == SeverityError {
		f.failed++
	}
	if f.kinds == nil {
		f.kinds = map[findingKind]int{}
	}
	k := d.kind()
	if f.kinds[k]++; f.kinds[k] <= mostOfAKind {
		f.list = append(f.list, d)
	}
}

func (f *findings) err(at hcl.Range, summary, detail string) {
	f.report(finding{SeverityError, at, summary, detail})
}

// errAdvised reports as err does, with advice that takes time to work out: only what is shown
// gets it.
func (f *findings) errAdvised(at hcl.Range, summary string, advice func() string) {
	d := finding{SeverityError, at, summary, ""}
	if f.kinds[d.kind()] < mostOfAKind {
		d.detail = advice()
	}
	f.report(d)
}

func (f *findings) warn(at hcl.Range, summary, detail string) {
	f.report(finding{SeverityWarning, at, summary, detail})
}

// duplicate reports something that is written in two positions, at the second.
func (f *findings) duplicate(at, first hcl.Range, what, detail string) {
	f.err(at, "duplicate "+what, strings.TrimSpace("It is already at "+position(first)+". "+detail))
}

// unreadable reports a file of a configuration that cannot be read.
func (f *findings) unreadable(at hcl.Range, err error) {
	if errors.Is(err, source.ErrTooLarge) {
		f.err(at, "the file is larger than "+source.Size(source.MaxFile), "Split it into several files.")
		return
	}
	f.err(at, "cannot read the file: "+err.Error(), "Every *.hcl in the directory is part of the configuration.")
}

// explain adds a sentence to what was found since there were so many.
func (f *findings) explain(since int, sentence string) {
	if sentence == "" {
		return
	}
	for i := range f.list[since:] {
		f.list[since+i].detail = sentences(f.list[since+i].detail, sentence)
	}
}

// inheritedBy is what explain adds to a mistake in a template that others extend.
var inheritedBy = regexp.MustCompile(` ?Template "[^"]*" takes it from here\.`)

// errors counts the errors.
func (f *findings) errors() int { return f.failed }

func (f *findings) add(other *findings) {
	for _, d := range other.list {
		f.report(d)
	}
}

// syntax takes over what is wrong with the syntax of one file, which all of it
// may follow from its first mistake.
func (f *findings) syntax(diags hcl.Diagnostics) {
	if n := len(diags) - mostOfAKind; n > 0 {
		diags = slices.Clone(diags[:mostOfAKind])
		last := *diags[mostOfAKind-1]
		last.Detail = sentences(last.Detail, more(n))
		diags[mostOfAKind-1] = &last
	}
	f.hcl(diags)
}

// more says how many of a kind are not shown.
func more(n int) string {
	if n == 1 {
		return "There is one more like this."
	}
	return fmt.Sprintf("There are %d more like this.", n)
}

// hcl takes over what HCL or an expression has found.
func (f *findings) hcl(diags hcl.Diagnostics) {
	const most = 10 * mostOfAKind
	same := map[string]int{} // by summary: a loop says the same in each round
	for _, d := range diags {
		at := hcl.Range{}
		if d.Subject != nil {
			at = *d.Subject
		}
		severity := SeverityError
		if d.Severity == hcl.DiagWarning {
			severity = SeverityWarning
		}
		if same[d.Summary]++; same[d.Summary] > most {
			if severity == SeverityError {
				f.failed++
			}
			continue
		}
		summary, detail := lowerFirst(strings.TrimSuffix(d.Summary, ".")), plainRanges(d.Detail)
		// A function that fails says why in the detail, wrapped in HCL's own words.
		if call, ok := hcl.DiagnosticExtra[callDiagnostic](d); ok && call.FunctionCallError() != nil {
			if d.EvalContext != nil && d.Expression != nil {
				at = d.Expression.Range()
			}
			summary = call.CalledFunctionName() + "(): " + call.FunctionCallError().Error()
			detail = fmt.Sprintf("Change what it is given, or say what to take instead: try(%s(…), …).", call.CalledFunctionName())
			var advised interface{ Advice() string }
			if errors.As(call.FunctionCallError(), &advised) {
				detail = advised.Advice()
			}
		}
		f.report(finding{severity, at, summary, detail})
	}
}

// An advisedError is the failure of a function that knows what to do about it.
type advisedError struct{ text, advice string }

func (e *advisedError) Error() string  { return e.text }
func (e *advisedError) Advice() string { return e.advice }

// callDiagnostic is what HCL attaches to the failure of a function.
type callDiagnostic interface {
	CalledFunctionName() string
	FunctionCallError() error
}

// HCL writes places in its details as FILE:LINE,COL-COL.
var hclRange = regexp.MustCompile(`:(\d+),(\d+)-(\d+,)?\d+`)

func plainRanges(detail string) string {
	return strings.ReplaceAll(hclRange.ReplaceAllString(detail, ":$1:$2"), "have tuple", "this is a list")
}

// diagnostics returns the findings with their lines, sorted by place, each once.
func (f *findings) diagnostics(sources map[string]*sourceFile, hide []hcl.Range) Diagnostics {
	all := make(Diagnostics, 0, len(f.list))
	shown := map[findingKind]int{}
	for _, d := range f.list {
		k := d.kind()
		if shown[k]++; shown[k] == mostOfAKind && f.kinds[k] > mostOfAKind {
			d.detail = sentences(d.detail, more(f.kinds[k]-mostOfAKind))
		}
		out := Diagnostic{
			Severity: d.severity, File: d.at.Filename, Line: d.at.Start.Line, Column: d.at.Start.Column, EndLine: d.at.End.Line, EndColumn: d.at.End.Column,
			Summary: cut(d.summary), Detail: cut(d.detail),
		}
		if src := sources[d.at.Filename]; src != nil && d.at.Start.Line > 0 {
			out.Units, out.EndUnits = src.units(d.at.Start.Byte), src.units(d.at.End.Byte)
			if out.Source, out.Width = src.line(d.at); !isText(out.Source) {
				out.Source, out.Width = "", 0
			}
			if slices.ContainsFunc(hide, func(r hcl.Range) bool {
				return r.Filename == d.at.Filename && r.Start.Line <= out.Line && out.Line <= r.End.Line
			}) {
				out.Source, out.Width = "", 0
			}
		}
		all = append(all, out)
	}
	slices.SortStableFunc(all, func(a, b Diagnostic) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.Severity, b.Severity))
	})
	seen := make(map[Diagnostic]bool, len(all))
	return slices.DeleteFunc(all, func(d Diagnostic) bool {
		d.Source, d.Width = "", 0
		d.Detail = inheritedBy.ReplaceAllString(d.Detail, "") // one that extends it is enough
		if seen[d] {
			return true
		}
		seen[d] = true
		return false
	})
}

// cut bounds a message, which may quote what somebody wrote.
func cut(s string) string {
	const most = 4 << 10 // bytes
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
