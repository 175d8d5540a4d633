package rules

import (
	"testing"

	"github.com/lockstep-sync/lockstep/connectors"
)

func TestTheFirstClauseThatMatchesTakesAComment(t *testing.T) {
	set := mustLoad(t, `
locals { quiet = ["Robot"] }
route "r" {
  source    = incidentio.acme.incident
  templates = [template.t]
}
template "t" {
  target = servicenow.itsm.incident
  once { state = 1 }
  outbound { short_description = "{{ incident.name }}" }
  comments {
    outbound {
      from = ["update"]
      to   = "comments"
      when = "comment.text.startsWith('Public: ') && !(comment.author in local.quiet)"
    }
    outbound {
      from = ["update"]
      to   = "work_notes"
      when = "size(comment.text) > 3 && comment.author != 'Robot'"
    }
  }
}
`)
	clauses := set.Templates["t"].Comments.Outbound
	for _, test := range []struct {
		comment connectors.Comment
		to      string // empty: nobody takes it
		fails   bool
	}{
		{comment: connectors.Comment{Kind: "update", Text: "Public: all is well", Author: "Lisa"}, to: "comments"},
		{comment: connectors.Comment{Kind: "update", Text: "not for everyone", Author: "Lisa"}, to: "work_notes"},
		{comment: connectors.Comment{Kind: "update", Text: "Public: noise", Author: "Robot"}},
		{comment: connectors.Comment{Kind: "update", Text: "ok", Author: "Lisa"}},
		{comment: connectors.Comment{Kind: "timeline", Text: "Public: all is well", Author: "Lisa"}},
		{comment: connectors.Comment{Kind: "update", Author: "Lisa"}, fails: true},
	} {
		clause, err := MatchComment(clauses, test.comment)
		to := ""
		if clause != nil {
			to = clause.To
		}
		if to != test.to || (err != nil) != test.fails {
			t.Errorf("%+v goes to %q (%v), want %q", test.comment, to, err, test.to)
		}
	}
}

// TestAnEmptyFromTakesNothing: what is left out takes all kinds, an empty list none.
func TestAnEmptyFromTakesNothing(t *testing.T) {
	for from, takes := range map[string]bool{"": true, "from = null": true, "from = []": false, `from = ["work_notes"]`: true, `from = ["comments"]`: false} {
		set := mustLoad(t, `
route "r" {
  source    = incidentio.acme.incident
  templates = [template.t]
}
template "t" {
  target = servicenow.itsm.incident
  once { state = 1 }
  outbound { short_description = "{{ incident.name }}" }
  comments { 
    inbound { `+from+` }
  }
}
`)
		clause, err := MatchComment(set.Templates["t"].Comments.Inbound, connectors.Comment{Kind: "work_notes", Text: "for the team"})
		if err != nil || (clause != nil) != takes {
			t.Errorf("%q takes a work note: %t, want %t (%v)", from, clause != nil, takes, err)
		}
	}
}
