package page

import (
	"fmt"
	"html/template"
	"net/url"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/breaker"
	"github.com/lockstep-sync/lockstep/rules"
)

// A menuItem is a page that every page leads to.
type menuItem struct{ Path, Name string }

func menu() []menuItem {
	return []menuItem{{"/", "Overview"}, {"/links", "Links"}, {"/decisions", "Decisions"}, {"/dead", "Dead letters"}}
}

// parse reads the templates of all pages.
func (p *Page) parse() error {
	p.views = map[string]*template.Template{}
	for _, name := range []string{"overview", "links", "record", "decisions", "dead", "message", "login"} {
		files, names := files, []string{"templates/layout.html", "templates/" + name + ".html"}
		if name == "login" {
			names = names[1:]
		}
		t, err := template.New(name).Funcs(functions()).ParseFS(files, names...)
		if err != nil {
			return fmt.Errorf("page %s: %w", name, err)
		}
		p.views[name] = t
	}
	return nil
}

func functions() template.FuncMap {
	return template.FuncMap{
		"menu": menu, "clock": clock, "since": since, "recordPath": recordPath, "failing": failing,
		"short": func(digest string) string { return digest[:min(len(digest), 12)] },
		"join":  func(names []string) string { return strings.Join(names, ", ") },
		"explain": func(d *rules.Decision) string {
			var b strings.Builder
			d.WriteText(&b)
			return b.String()
		},
	}
}

// clock shows a time as the log does, so that one is found in the other.
func clock(at any) string {
	switch t := at.(type) {
	case time.Time:
		return t.UTC().Format("2006-01-02 15:04:05 UTC")
	case *time.Time:
		if t != nil {
			return clock(*t)
		}
	}
	return ""
}

// since is a time at which something began, empty where nothing did.
func since(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return clock(t)
}

func recordPath(ref connectors.Ref) string { return "/records/" + url.PathEscape(ref.String()) }

func failing(calls []breaker.CallStatus) bool {
	for _, c := range calls {
		if !c.OK {
			return true
		}
	}
	return false
}
