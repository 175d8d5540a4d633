package page

import (
	"net/http"
	"net/url"

	"github.com/lockstep-sync/lockstep/engine"
	"github.com/lockstep-sync/lockstep/engine/links"
)

const (
	decisionsAtOnce = 100
	newestDecisions = 10
	rowsAtOnce      = 100
)

type decisionsView struct {
	Name, Route string
	Decisions   []engine.DecisionView
}

func (p *Page) overview(w http.ResponseWriter, r *http.Request) {
	var data decisionsView
	if p.Engine() != nil { // else the page says what it waits for
		var ok bool
		if data.Decisions, ok = ask(p, w, r, func(e Engine) ([]engine.DecisionView, error) {
			return e.FindDecisions(r.Context(), "", "", newestDecisions)
		}); !ok {
			return
		}
	}
	p.show(w, r, http.StatusOK, "overview", "Overview", data)
}

func (p *Page) decisions(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	data := decisionsView{Name: query.Get("name"), Route: query.Get("route")}
	var ok bool
	if data.Decisions, ok = ask(p, w, r, func(e Engine) ([]engine.DecisionView, error) {
		return e.FindDecisions(r.Context(), data.Name, data.Route, decisionsAtOnce)
	}); ok {
		p.show(w, r, http.StatusOK, "decisions", "Decisions", data)
	}
}

type linksView struct {
	Query    engine.Query
	Filtered bool
	States   []links.Phase
	Links    []engine.LinkView
	Next     string
}

func (p *Page) links(w http.ResponseWriter, r *http.Request) {
	data := linksView{Query: queryOf(r), States: []links.Phase{links.Claim, links.Active, links.Stopped, links.Gone, links.Detached, links.Orphan}}
	data.Filtered = data.Query.Name != "" || data.Query.Route != "" || data.Query.State != ""
	page, ok := ask(p, w, r, func(e Engine) (page[engine.LinkView], error) {
		rows, next, err := e.FindLinks(r.Context(), data.Query)
		return page[engine.LinkView]{rows, next}, err
	})
	if ok {
		data.Links, data.Next = page.rows, nextOf(r, page.next)
		p.show(w, r, http.StatusOK, "links", "Links", data)
	}
}

// A page of a list, and the place after which the next one begins.
type page[T any] struct {
	rows []T
	next string
}

func queryOf(r *http.Request) engine.Query {
	asked := r.URL.Query()
	return engine.Query{
		Name: asked.Get("name"), Route: asked.Get("route"), State: links.Phase(asked.Get("state")), Reason: asked.Get("reason"),
		After: asked.Get("after"), Limit: rowsAtOnce,
	}
}

func nextOf(r *http.Request, next string) string {
	if next == "" {
		return ""
	}
	asked := r.URL.Query()
	asked.Set("after", next)
	return (&url.URL{Path: r.URL.Path, RawQuery: asked.Encode()}).String()
}

// record shows what became of a record, and why.
func (p *Page) record(w http.ResponseWriter, r *http.Request) {
	found, ok := ask(p, w, r, func(e Engine) ([]engine.Why, error) { return e.Why(r.Context(), r.PathValue("name")) })
	if !ok {
		return
	}
	title := r.PathValue("name")
	if len(found) == 1 && found[0].Name != "" {
		title = found[0].Name
	}
	p.show(w, r, http.StatusOK, "record", title, found)
}

// find leads to the record that a person has typed the name of.
func (p *Page) find(w http.ResponseWriter, r *http.Request) {
	name := r.URL.Query().Get("name")
	if name == "" {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	http.Redirect(w, r, "/records/"+url.PathEscape(name), http.StatusSeeOther)
}
