package page

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/lockstep-sync/lockstep/engine"
)

type deadView struct {
	Query    engine.Query
	Filtered bool
	Groups   []deadGroup
	Next     string
}

// A deadGroup are dead letters of one reason.
type deadGroup struct {
	Reason  string
	Letters []engine.LetterView
}

func (p *Page) dead(w http.ResponseWriter, r *http.Request) {
	data := deadView{Query: queryOf(r)}
	data.Filtered = data.Query.Name != "" || data.Query.Route != "" || data.Query.Reason != ""
	page, ok := ask(p, w, r, func(e Engine) (page[engine.LetterView], error) {
		rows, next, err := e.FindDead(r.Context(), data.Query)
		return page[engine.LetterView]{rows, next}, err
	})
	if !ok {
		return
	}
	data.Groups, data.Next = grouped(page.rows), nextOf(r, page.next)
	p.show(w, r, http.StatusOK, "dead", "Dead letters", data)
}

// grouped sorts dead letters by reason, the most frequent first.
func grouped(letters []engine.LetterView) []deadGroup {
	var groups []deadGroup
	for _, l := range letters {
		i := slices.IndexFunc(groups, func(g deadGroup) bool { return g.Reason == l.Reason })
		if i < 0 {
			groups, i = append(groups, deadGroup{Reason: l.Reason}), len(groups)
		}
		groups[i].Letters = append(groups[i].Letters, l)
	}
	slices.SortStableFunc(groups, func(a, b deadGroup) int { return cmp.Compare(len(b.Letters), len(a.Letters)) })
	return groups
}

// What may be done about a dead letter.
const (
	retried = "retried"
	dropped = "dropped"
)

func (p *Page) retryDead(w http.ResponseWriter, r *http.Request) {
	p.eachDead(w, r, retried, Engine.RetryDead)
}

func (p *Page) dropDead(w http.ResponseWriter, r *http.Request) {
	p.eachDead(w, r, dropped, Engine.DropDead)
}

// eachDead does something to each dead letter that a form names, and leads back.
func (p *Page) eachDead(w http.ResponseWriter, r *http.Request, done string, do func(Engine, context.Context, string) error) {
	if err := r.ParseForm(); err != nil {
		p.fail(w, r, http.StatusBadRequest, "Not understood", err.Error())
		return
	}
	ids := r.PostForm["id"]
	if len(ids) > rowsAtOnce {
		ids = ids[:rowsAtOnce]
	}
	_, ok := ask(p, w, r, func(e Engine) (struct{}, error) {
		for _, id := range ids {
			if err := do(e, r.Context(), id); err != nil {
				return struct{}{}, fmt.Errorf("dead letter %s: %w", id, err)
			}
			p.Log.Info("dead letter "+done+" by an operator on the page", "dead", id)
		}
		return struct{}{}, nil
	})
	if ok {
		http.Redirect(w, r, "/dead?"+url.Values{"done": {done}, "n": {strconv.Itoa(len(ids))}}.Encode(), http.StatusSeeOther)
	}
}
