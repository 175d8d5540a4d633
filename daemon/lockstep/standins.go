package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/incidentio"
	"github.com/lockstep-sync/lockstep/connectors/incidentio/incidentiotest"
	"github.com/lockstep-sync/lockstep/connectors/jira"
	"github.com/lockstep-sync/lockstep/connectors/jira/jiratest"
	"github.com/lockstep-sync/lockstep/connectors/servicenow"
	"github.com/lockstep-sync/lockstep/connectors/servicenow/servicenowtest"
	"github.com/lockstep-sync/lockstep/daemon"
	"github.com/lockstep-sync/lockstep/daemon/simulators"
	"github.com/lockstep-sync/lockstep/rules"
)

// standInPoll is how long what no webhook tells is waited for at most: a simulator
// is asked often without harm.
const standInPoll = 3 * time.Second

// standIns are simulators in the place of a configuration's systems, one for each
// connector. A connector keeps its own over every reload.
type standIns struct {
	ctx context.Context // of all of them
	out io.Writer

	mu     sync.Mutex // guards everything below
	all    []standIn
	public string // where the daemon takes webhooks; "": it does not yet
}

// A standIn is the simulator of one connector.
type standIn struct {
	name, kind string // of the connector
	group      *simulators.Group
	told       bool
}

func newStandIns(ctx context.Context, out io.Writer) *standIns {
	return &standIns{ctx: ctx, out: out}
}

// prepare has the connectors of a configuration work on simulators, whatever their
// blocks say. Nothing of the daemon block holds: the stores and listeners of the real
// daemon are no place to try something on.
func (s *standIns) prepare(set *rules.Set) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	set.Daemon = rules.Daemon{}
	uses := set.Uses()
	for _, name := range slices.Sorted(maps.Keys(set.Connectors)) {
		c := set.Connectors[name]
		group, err := s.group(c)
		if err != nil {
			return err
		}
		replaceSettings(c, group)
		for _, use := range uses[name] {
			field, names := namesUsed(use)
			group.Know(use.Record, field, names)
		}
	}
	if s.public != "" {
		s.tell()
	}
	return nil
}

// group returns the simulator of a connector, and starts it if it is new.
func (s *standIns) group(c *rules.Connector) (*simulators.Group, error) {
	for _, one := range s.all {
		if one.name == c.Name && one.kind == c.System.Type {
			return one.group, nil
		}
	}
	o := simulators.Options{Address: "127.0.0.1:0", Types: []string{c.System.Type}}
	switch settings := c.Settings.(type) {
	case *servicenow.Settings:
		// Rules name it as well: tickets are opened by it.
		if settings.Username != nil {
			o.ServiceNowUser = *settings.Username
		}
	case *jira.Settings:
		o.JiraEmail = settings.Email
	}
	group, err := simulators.Start(s.ctx, o)
	if err != nil {
		return nil, err
	}
	s.all = append(s.all, standIn{name: c.Name, kind: c.System.Type, group: group})
	return group, nil
}

// replaceSettings makes a connector's block one for its simulator.
func replaceSettings(c *rules.Connector, group *simulators.Group) {
	password := connectors.Secret(servicenowtest.DefaultPassword)
	switch settings := c.Settings.(type) {
	case *incidentio.Settings:
		c.Settings = &incidentio.Settings{APIURL: group.URL(), APIKey: incidentiotest.DefaultKey}
	case *servicenow.Settings:
		user := servicenowtest.DefaultUsername
		if settings.Username != nil {
			user = cmp.Or(*settings.Username, user)
		}
		c.Settings = &servicenow.Settings{URL: group.URL(), Username: &user, Password: &password}
	case *jira.Settings:
		c.Settings = &jira.Settings{URL: group.URL(), Email: cmp.Or(settings.Email, jiratest.DefaultEmail), APIToken: jiratest.DefaultAPIToken}
	}
	c.Common.WebhookSecret = simulators.WebhookSecret
	c.Common.PollInterval = min(c.Common.PollInterval, standInPoll)
}

// namesUsed are the field of a use, and the names that it relies on there: those of
// maps are the keys.
func namesUsed(use connectors.Use) (field string, names []string) {
	field, _, _ = strings.Cut(use.Field, ".") // severity and severity.name
	if slices.Contains([]string{"custom_fields", "roles", "timestamps"}, field) {
		return field, use.Keys
	}
	for _, v := range use.Values {
		if name, ok := v.(string); ok && name != "" {
			names = append(names, name)
		}
	}
	return field, names
}

// ready says what there is to try with a daemon that runs, and has the simulators
// tell it of changes.
func (s *standIns) ready(dir string, at daemon.Addresses) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(s.out, `# %[1]s runs on simulated systems until you stop it (Ctrl-C). Its own
# addresses, credentials and daemon block are not used. To ask it, in another
# terminal:

export LOCKSTEP_ADMIN=%[2]s
%[3]s status
%[3]s links
%[3]s why INC-1

# The people of the simulated systems:
#
%[4]s`, dir, shellWord(at.Admin), commandName(), simulators.LoginHeader)
	for _, one := range s.all {
		one.group.WriteLogins(s.out)
	}
	fmt.Fprint(s.out, simulators.WorkAsPeople)
	s.public = at.Public
	s.tell()
}

// tell tells of the simulators that were not told of yet, and has them send
// webhooks.
func (s *standIns) tell() {
	var look []simulators.Step
	for i, one := range s.all {
		if one.told {
			continue
		}
		s.all[i].told = true
		address := "http://" + s.public + "/webhooks/" + one.name
		one.group.PushTickets(address)
		if one.kind == incidentio.Type {
			one.group.PushIncidents(s.ctx, address)
		}
		fmt.Fprintf(s.out, "\n# Connector %s: %s on %s\n", one.name, one.kind, one.group.URL())
		simulators.WriteSteps(s.out, one.group.Steps())
		look = append(look, one.group.Look()...)
	}
	simulators.WriteSteps(s.out, look)
}

// close ends the simulators.
func (s *standIns) close() (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, one := range s.all {
		err = errors.Join(err, one.group.Close())
	}
	return err
}
