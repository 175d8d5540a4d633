package rules

import (
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const family = `
state_table "t" {
  unmapped = "ignore"
  state "open" {
    incidentio = ["category:live"]
    servicenow = [2]
  }
}
state_table "u" {
  unmapped = "ignore"
  state "open" {
    incidentio = ["category:live"]
    servicenow = [3]
  }
}
route "r" {
  source    = incidentio.acme.incident
  templates = [template.child, template.bare]
}
template "grandparent" {
  once {
    impact  = 2
    urgency = 3
  }
  outbound {
    short_description = "{{ incident.name }}"
    description       = "{{ incident.summary }}"
    close_notes       = "notes"
  }
  inbound { summary = "{{ ticket.description }}" }
  state {
    table     = state_table.t
    direction = "inbound"
  }
  comments {
    inbound { from = ["work_notes"] }
    outbound { to = "work_notes" }
  }
  attachments {
    inbound {}
  }
  lifecycle {
    on_delete   = "close"
    parent_wait = "5m"
  }
}
template "parent" {
  extends  = template.grandparent
  target   = servicenow.itsm.incident
  when     = "incident.mode == 'standard'"
  conflict = "latest"
  once { impact = 1 }
}
template "child" {
  extends = template.parent
  once {
    urgency     = null
    description = "fixed"
  }
  outbound { close_notes = null }
  state { table = state_table.u }
  comments {
    inbound { from = ["comments"] }
  }
  lifecycle { parent_wait = null }
}
template "bare" {
  extends     = template.parent
  when        = null
  once        = null
  inbound     = null
  state       = null
  comments    = null
  attachments = null
  lifecycle   = null
  conflict    = null
}
`

func TestExtends(t *testing.T) {
	set := mustLoad(t, family)
	fields := func(name string) map[string]bool {
		all := map[string]bool{}
		d := set.Route("r").router.byName(name)
		for _, m := range d.values {
			all[m.field] = m.section == onceSection
		}
		for _, m := range d.inbound {
			all["in:"+m.field] = false
		}
		return all
	}
	child := set.Templates["child"]
	if diff := gocmp.Diff(map[string]bool{"impact": true, "description": true, "short_description": false, "in:summary": false}, fields("child")); diff != "" {
		t.Errorf("fields of child, true for once (-want +got):\n%s", diff)
	}
	if child.Conflict != LatestWins || child.Target.Connector != "itsm" {
		t.Errorf("child: %+v", *child)
	}
	if s := child.State; s.Table.Name != "u" || s.Direction != Inbound {
		t.Errorf("state of child: %+v", *s)
	}
	if diff := gocmp.Diff(Comments{
		Inbound:  []CommentClause{{From: []string{"comments"}}},
		Outbound: []CommentClause{{To: "work_notes"}},
	}, child.Comments, cmpopts.IgnoreUnexported(CommentClause{})); diff != "" {
		t.Errorf("comments of child (-want +got):\n%s", diff)
	}
	if l := child.Lifecycle; l.OnDelete != "close" || l.ParentWait != 10*time.Minute {
		t.Errorf("lifecycle of child: %+v", l)
	}
	bare := set.Templates["bare"]
	if diff := gocmp.Diff(map[string]bool{"short_description": false, "description": false, "close_notes": false}, fields("bare")); diff != "" {
		t.Errorf("fields of bare (-want +got):\n%s", diff)
	}
	if bare.State != nil || bare.Comments.Inbound != nil || bare.Files.Inbound != nil || bare.Lifecycle.OnDelete != "detach" || bare.Conflict != SourceWins {
		t.Errorf("bare: %+v", *bare)
	}
	if set.Route("r").router.byName("bare").when != nil {
		t.Error("bare has a condition")
	}
	if _, ok := set.Templates["grandparent"]; ok {
		t.Error("a template without target is in the set")
	}
}

func TestClauses(t *testing.T) {
	set := mustLoad(t, `
route "r" {
  source    = incidentio.acme.incident
  templates = [template.t]
}
template "t" {
  target = servicenow.itsm.incident
  outbound { short_description = "x" }
  comments {
    inbound {
      from = ["work_notes"]
      when = "comment.text.startsWith('!') && comment.kind != local.skip"
      to   = "update"
    }
    inbound {}
  }
  attachments {
    inbound {}
    outbound {
      types    = ["*/*"]
      max_size = "512KiB"
    }
  }
}
locals {
  skip = "comments"
}
`)
	template := set.Templates["t"]
	in := template.Comments.Inbound
	if len(in) != 2 || in[0].To != "update" || in[1].When != nil || in[1].From != nil {
		t.Fatalf("%+v", in)
	}
	for text, want := range map[string]bool{"! x": true, "x": false} {
		got, err := in[0].When.Eval(map[string]any{
			"comment": map[string]any{"text": text, "kind": "work_notes"}, "local": map[string]any{"skip": "comments"},
		})
		if err != nil || got != want {
			t.Errorf("%q: %t, %v", text, got, err)
		}
	}
	if diff := gocmp.Diff(Attachments{
		Inbound:  []AttachmentClause{{Types: []string{"image/*"}, MaxSize: 10 << 20}},
		Outbound: []AttachmentClause{{Types: []string{"*/*"}, MaxSize: 512 << 10}},
	}, template.Files); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
