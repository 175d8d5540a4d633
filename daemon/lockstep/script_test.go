package main

import (
	"context"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/lockstep-sync/lockstep/engine/reconcile"
)

// killAtKey names the environment variable that lets the test binary, run as
// lockstep, end itself as kill -9 would at a step of a reconcile.
const killAtKey = "LOCKSTEP_TEST_KILL_AT"

// hangAtKey is the same for a step from which the first reconcile that comes
// there does not come back.
const hangAtKey = "LOCKSTEP_TEST_HANG_AT"

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"lockstep": func() {
		a := newApp(os.Stdin, os.Stdout, os.Stderr, os.LookupEnv)
		if at := os.Getenv(killAtKey); at != "" {
			a.onStep = func(_ context.Context, s reconcile.Step) {
				if string(s) == at {
					_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
					select {} // the signal is on its way
				}
			}
		}
		if at := os.Getenv(hangAtKey); at != "" {
			var hangs atomic.Bool
			a.onStep = func(_ context.Context, s reconcile.Step) {
				if string(s) == at && hangs.CompareAndSwap(false, true) {
					select {}
				}
			}
		}
		os.Exit(a.execute(context.Background(), os.Args[1:]))
	}})
}

// TestScripts drives the real binary through testdata/script against the
// simulators. Every script has its own systems, addresses and directories:
//
//	daemon [flags] DIR       starts lockstep run and waits until it is ready
//	signal NAME              sends the daemon a signal
//	shut-down                SIGTERM; it must drain and exit 0
//	kill-at STEP…            for each step: an incident whose creation is killed
//	                         there, a restart, and one ticket more
//	incident create|edit NAME key=value…
//	follow-up create NAME INCIDENT title=… | edit NAME title=…
//	child FOLLOW-UP INCIDENT the one's ticket is below the other's
//	webhook NAME             delivers what waits, which must be taken
//	post [-sign] [-secret=S] [-age=D] [-id=ID] [-svix] [-size=N] PATH FILE
//	get PATH                 both print the status code
//	admin PATH               prints what the admin address answers
//	fault SYSTEM KIND [ARG]  the next requests of the system go wrong
//	calls SYSTEM METHOD PATH prints how many requests there were
//	silence SYSTEM D         no request came within D after a 429
//	tickets [-count]         prints the only ticket, or how many there are
//	ticket NAME              prints an incident's ticket
//	decisions NAME           prints the journal of an incident
//	until-followed [FLAGS] -- NAME TEXT…
//	                         lockstep decisions -f until it has printed each text; NAME
//	                         is edited after the first
//	nowhere TEXT PATH…       no file below holds the text
//	retry-dead               lockstep dead retry, with every dead letter's id
//	link NAME unlink|adopt   lockstep links, with the ids of an incident
//	status N COMMAND…        runs a command that must exit with N
//	agent NAME key=value…    somebody edits an incident's ticket in ServiceNow
//	restart DIR              stop, and daemon again
//	say NAME TEXT            a responder posts an update to an incident
//	note [-customer] NAME TEXT
//	                         somebody writes a work note, or a comment, on its ticket
//	attach NAME FILE TYPE    somebody attaches a file to its ticket; FILE.png.txt is
//	                         made a picture
//	journal|timeline|shown NAME
//	                         prints the ticket's journal, the incident's timeline and
//	                         updates, or the links that it shows
//	until-journal|until-timeline|until-shown NAME N TEXT
//	                         waits until N lines of these hold the text, and no more
//	until-skipped NAME N     waits until the journal names N files not carried
//	work NAME say|move|rename|attach …
//	                         somebody works an incident's issue in Jira
//	issue NAME               prints it; until-issue NAME N TEXT waits for it
//	until-connected FOLLOW-UP KEY
//	                         waits until a follow-up names its issue
//	open-ticket NAME key=value…
//	                         somebody opens a ServiceNow incident, the source here
//	until-files NAME N       waits until an incident's ticket has so many files
//	until-issues N           waits until there are so many issues
//	until-status-of NAME CATEGORY
//	                         waits for the category of an incident's status
//	delete NAME              an incident is deleted
//	limit BYTES|off          bounds the length of the files that the daemon writes
//	fill | until-filled      creates incidents until a webhook is answered 503, and
//	                         waits until each of them has a ticket
//	nats start|end|user NAME a NATS server beside the daemon, and who may use it
//	until-ready CODE         waits until /readyz answers it, and prints the text
//	quiet                    waits until nothing is pending or in work
//	plant NAME               somebody takes the place of an incident's ticket, with
//	                         its key; the daemon stops, and its store is lost
//	until-refused|until-well CONNECTOR
//	                         waits until status says so of a connector
//	hostile-files DIR        gives the running daemon every hostile file in turn;
//	                         hostile-file DIR NAME leaves one there
//	open-issue PROJECT key=value…
//	                         somebody opens an issue by hand
//	until-output RE COMMAND…
//	                         waits until what a command prints matches
//	until-…                  waits, with a deadline, until it is so
//
// testscript's own commands win over these: its stop would end a script here,
// and let it pass.
func TestScripts(t *testing.T) {
	commands := scriptCommands()
	for own := range strings.FieldsSeq("cd chmod cmp cmpenv cp env exec exists grep kill mkdir mv rm skip stderr stdin stdout stop symlink ttyin ttyout unix2dos unquote wait") {
		if commands[own] != nil {
			t.Errorf("the command %s is testscript's own, and ours would never run", own)
		}
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "../../testdata/script",
		RequireExplicitExec: false,
		RequireUniqueNames:  true,
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
		Setup:               setUp,
		Cmds:                commands,
	})
}

func scriptCommands() map[string]func(*testscript.TestScript, bool, []string) {
	return map[string]func(*testscript.TestScript, bool, []string){
		"daemon": plays((*play).cmdDaemon), "signal": plays((*play).cmdSignal), "shut-down": plays((*play).cmdStop),
		"kill-at": plays((*play).cmdKillAt), "incident": plays((*play).cmdIncident), "webhook": plays((*play).cmdWebhook),
		"post": plays((*play).cmdPost), "get": plays((*play).cmdGet), "admin": plays((*play).cmdAdmin),
		"fault": plays((*play).cmdFault), "calls": plays((*play).cmdCalls), "silence": plays((*play).cmdSilence),
		"tickets": plays((*play).cmdTickets), "ticket": plays((*play).cmdTicket), "decisions": plays((*play).cmdDecisions),
		"nowhere": plays((*play).cmdNowhere), "quiet": plays((*play).cmdQuiet),
		"until-tickets": plays((*play).cmdUntilTickets), "until-ticket": plays((*play).cmdUntilTicket),
		"until-decision": plays((*play).cmdUntilDecision), "until-dead": plays((*play).cmdUntilDead),
		"until-status": plays((*play).cmdUntilStatus), "until-generation": plays((*play).cmdUntilGeneration),
		"until-calls": plays((*play).cmdUntilCalls), "hostile-files": plays((*play).cmdHostileFiles), "hostile-file": plays((*play).cmdHostileFile),
		"limit": plays((*play).cmdLimit), "fill": plays((*play).cmdFill), "until-filled": plays((*play).cmdUntilFilled),
		"until-ready": plays((*play).cmdUntilReady), "until-output": plays((*play).cmdUntilOutput), "open-issue": plays((*play).cmdOpenIssue), "nats": plays((*play).cmdNATS),
		"retry-dead": plays((*play).cmdRetryDead), "link": plays((*play).cmdLink), "status": plays((*play).cmdStatus),
		"follow-up": plays((*play).cmdFollowUp), "child": plays((*play).cmdChild), "until-follow-up": plays((*play).cmdUntilFollowUp),
		"work": plays((*play).cmdWork), "until-issues": plays((*play).cmdUntilIssues), "open-ticket": plays((*play).cmdOpenTicket), "until-files": plays((*play).cmdUntilFiles), "until-connected": plays((*play).cmdUntilConnected),
		"issue": plays(prints((*play).issue)), "until-issue": plays(untilHolds((*play).issue)),
		"say": plays((*play).cmdSay), "note": plays((*play).cmdNote), "attach": plays((*play).cmdAttach), "delete": plays((*play).cmdDelete), "until-status-of": plays((*play).cmdUntilStatusOf), "until-skipped": plays((*play).cmdUntilSkipped),
		"journal": plays(prints((*play).journal)), "timeline": plays(prints((*play).timeline)), "shown": plays(prints((*play).shown)),
		"until-journal": plays(untilHolds((*play).journal)), "until-timeline": plays(untilHolds((*play).timeline)), "until-shown": plays(untilHolds((*play).shown)),
		"until-followed": plays((*play).cmdUntilFollowed),
		"agent":          plays((*play).cmdAgent), "edit-ticket": plays((*play).cmdAgent), "plant": plays((*play).cmdPlant), "until-refused": plays((*play).cmdUntilRefused), "until-well": plays((*play).cmdUntilWell), "restart": plays((*play).cmdRestart), "until-incident": plays((*play).cmdUntilIncident),
	}
}

// plays turns a method of play into a command of testscript that cannot be
// negated.
func plays(f func(p *play, args []string)) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		p := ts.Value(playKey{}).(*play)
		p.ts = ts
		if neg {
			ts.Fatalf("this command cannot be negated")
		}
		f(p, args)
	}
}

// keyValue splits name=value.
func (p *play) keyValue(arg string) (key, value string) {
	key, value, ok := strings.Cut(arg, "=")
	if !ok {
		p.ts.Fatalf("%q is not key=value", arg)
	}
	return key, value
}

// flags takes leading -name=value arguments off.
func flagsOf(args []string) (flags map[string]string, rest []string) {
	flags = map[string]string{}
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		name, value, _ := strings.Cut(strings.TrimPrefix(args[0], "-"), "=")
		flags[name] = value
		args = args[1:]
	}
	return flags, args
}
