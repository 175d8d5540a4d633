package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/engine/breaker"
	"github.com/lockstep-sync/lockstep/rules"
)

// A Level says how bad a finding of an examination is.
type Level string

// The levels. What a Warning names works, and not as somebody may expect.
const (
	Good    Level = "ok"
	Warning Level = "warning"
	Fails   Level = "fails"
)

// A Finding is what one check of a connector has found.
type Finding struct {
	Connector string `json:"connector"`
	Type      string `json:"type"`
	Check     string `json:"check"`
	Level     Level  `json:"level"`
	Seen      string `json:"seen"`
	Means     string `json:"means,omitempty"`
	Remedy    string `json:"remedy,omitempty"`
	// Where the configuration says so.
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
}

// How far a system's clock may be from this machine's before it is told: what is signed
// is taken for five minutes.
const (
	clockOff   = 30 * time.Second
	clockFails = 5 * time.Minute
)

// Doctor examines the systems of a configuration as they are now, and writes nothing to
// them. version is that of the build.
func Doctor(ctx context.Context, set *rules.Set, version string) ([]Finding, error) {
	log := slog.New(slog.DiscardHandler)
	built, err := connectorFactory{log: log, userAgent: "lockstep/" + version, pauses: connectors.NewPauses()}.build(set, nil)
	if err != nil {
		return nil, err
	}
	defer built.closeBut(nil)
	uses := set.Uses()
	var all []Finding
	for _, name := range slices.Sorted(maps.Keys(built)) {
		x := &examination{set: set, name: name, block: built[name].block, connector: built[name].connector, uses: uses[name]}
		x.examine(ctx)
		all = append(all, x.found...)
	}
	return all, ctx.Err()
}

// An examination is of one connector.
type examination struct {
	set       *rules.Set
	name      string
	block     *rules.Connector
	connector connectors.Connector
	uses      []connectors.Use
	found     []Finding
}

func (x *examination) tell(check string, level Level, seen, means, remedy string) {
	x.found = append(x.found, Finding{Connector: x.name, Type: x.block.System.Type, Check: check, Level: level, Seen: seen, Means: means, Remedy: remedy})
}

func (x *examination) examine(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, adviseTimeout)
	defer cancel()
	if !x.signsIn(ctx) {
		return // whatever else is asked is answered alike
	}
	x.clock()
	x.reads(ctx)
	x.names(ctx)
	x.webhooks()
}

// signsIn reports whether the system takes the credentials.
func (x *examination) signsIn(ctx context.Context) bool {
	prober, ok := x.connector.(connectors.Prober)
	if !ok {
		return true
	}
	identity, err := prober.Probe(ctx)
	if err == nil {
		seen := "the credentials are taken"
		if identity.User != "" {
			seen += ", as those of " + identity.User
		}
		if identity.Account != "" {
			seen += " in " + identity.Account
		}
		x.tell("signing in", Good, seen, "", "")
		return true
	}
	x.tell("signing in", Fails, breaker.Redact(err), "Nothing is read from this system or written to it.", x.remedy(err))
	return false
}

// remedy says what to do about a failure.
func (x *examination) remedy(err error) string {
	var said *connectors.Error
	if !errors.As(err, &said) {
		return "See what keeps the system from answering."
	}
	setting := said.Setting
	if setting != "" {
		setting = x.block.NameSetting(setting)
	}
	switch {
	case said.Class == connectors.ClassUnauthorised && setting != "":
		return "Look at " + setting + "."
	case said.Class == connectors.ClassUnauthorised:
		return "Look at the credentials in the block of connector " + x.name + "."
	case said.Class == connectors.ClassForbidden:
		return "Give the integration's user what the message names."
	case said.Class == connectors.ClassThrottled:
		return "Wait until " + said.Until.UTC().Format(time.RFC3339) + "; rate_limit bounds what lockstep asks."
	case setting != "":
		return "Look at " + setting + ", and whether this machine reaches the address."
	}
	return "See whether this machine reaches the address in the block of connector " + x.name + "."
}

// clock compares the clocks, which an answer has told.
func (x *examination) clock() {
	keeper, ok := x.connector.(connectors.ClockTeller)
	if !ok {
		return
	}
	off := time.Until(keeper.Clock()).Round(time.Second)
	seen := fmt.Sprintf("the system's clock is %s from this machine's", off.Abs())
	switch {
	case off.Abs() <= clockOff:
		x.tell("clock", Good, seen, "", "")
	case off.Abs() < clockFails:
		x.tell("clock", Warning, seen, "Webhooks are refused from five minutes on, and times in decisions do not fit the system's.", "Set this machine's clock by NTP.")
	default:
		x.tell("clock", Fails, seen, "Signed webhooks are refused as stale.", "Set this machine's clock by NTP.")
	}
}

// reads lists what has changed just now in each collection that the routes read.
func (x *examination) reads(ctx context.Context) {
	lister, ok := x.connector.(connectors.PollBeginner)
	if !ok {
		return
	}
	records := map[string]bool{}
	for _, route := range x.set.Routes {
		collections := []connectors.Collection{route.Source}
		for _, t := range slices.Concat(route.Templates, []*rules.Template{route.NoMatch}) {
			if t != nil {
				collections = append(collections, t.Target)
			}
		}
		for _, c := range collections {
			if c.Connector == x.name {
				records[c.Record] = true
			}
		}
	}
	for _, record := range slices.Sorted(maps.Keys(records)) {
		c := connectors.Collection{Type: x.block.System.Type, Connector: x.name, Record: record}
		if _, _, err := lister.PollSince(ctx, c, time.Now().Add(-time.Hour)); err != nil {
			x.tell("reading "+record, Fails, breaker.Redact(err), "Changes of these records are not noticed.", x.remedy(err))
			continue
		}
		x.tell("reading "+record, Good, "changes of the last hour can be listed", "", "")
	}
}

// names asks the system about what the configuration names: fields, choices, projects,
// screens, transitions.
func (x *examination) names(ctx context.Context) {
	advisor, ok := x.connector.(connectors.Advisor)
	if !ok || len(x.uses) == 0 {
		return
	}
	advice, err := advisor.Advise(ctx, x.uses)
	if err != nil {
		x.tell("names", Fails, breaker.Redact(err), "It is not known whether the system has what the configuration names.", x.remedy(err))
		return
	}
	for _, one := range advice {
		d := adviceDiagnostic(x.set, x.name, one)
		if f := (Finding{
			Connector: x.name, Type: x.block.System.Type, Check: strings.TrimPrefix(d.Summary, x.name+": "), Level: Fails, Seen: d.Detail,
			File: d.File, Line: d.Line, Column: d.Column,
		}); !slices.Contains(x.found, f) { // else of another template
			x.found = append(x.found, f)
		}
	}
	if len(advice) == 0 {
		x.tell("names", Good, "the system has all that the configuration names", "", "")
	}
}

// webhooks says what a connector without a secret does.
func (x *examination) webhooks() {
	if _, ok := x.connector.(connectors.WebhookReceiver); !ok {
		return
	}
	if x.block.Common.WebhookSecret == "" {
		x.tell("webhooks", Warning, "webhook_secret is not set", fmt.Sprintf("Webhooks are refused, and changes are noticed by polls: every %s.", x.block.Common.PollInterval),
			fmt.Sprintf("Set it, and have the system send to https://YOUR-HOST/webhooks/%s.", x.name))
		return
	}
	x.tell("webhooks", Good, "webhook_secret is set; whether it is the sender's shows in lockstep status, once one has come", "", "")
}
