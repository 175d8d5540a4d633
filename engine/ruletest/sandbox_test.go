package ruletest_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/engine/ruletest"
)

// A script reads, writes and runs nothing outside its own folder, whatever
// command, name or link leads there.
func TestScriptsStayInTheirFolder(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "outside")
	secret := filepath.Join(outside, "secret")
	write(t, secret, "hunter2\n")
	const refused = "lies outside the script's folder"
	for name, test := range map[string]struct{ script, want string }{
		"exec":                {"exec touch OUT/made", "a rule test runs no programs"},
		"exec, negated":       {"! exec touch OUT/made", "a rule test runs no programs"},
		"exec, background":    {"exec touch OUT/made &", "a rule test runs no programs"},
		"exec of a variable":  {"env run=exec\n$run touch OUT/made", "a rule test runs no programs"},
		"exec, on condition":  {"[!windows] exec touch OUT/made", "a rule test runs no programs"},
		"exec, quoted":        {"'exec' touch OUT/made", "a rule test runs no programs"},
		"exec, odd condition": {"[!exec:a'b] c'] exec touch OUT/made", "a rule test runs no programs"},
		"two conditions":      {"[!exec:x] [!exec:y] exec touch OUT/made", "a rule test runs no programs"},

		"cp from":            {"cp OUT/secret here", refused},
		"cp to":              {"cp incident.json OUT/made", refused},
		"cp by dots":         {"cp ../../../../../../../../OUT/secret here", refused},
		"cp of a variable":   {"env X=OUT\ncp $X/secret here", refused},
		"cp, another work":   {"env WORK=OUT\ncp $WORK/secret here", refused},
		"cp, the directory":  {"cp $DIR/main.hcl here", refused},
		"cp of a quoted":     {"cp 'OUT/secret' here", refused},
		"cmp":                {"cmp incident.json OUT/secret", refused},
		"cmpenv":             {"cmpenv OUT/secret incident.json", refused},
		"grep":               {"grep . OUT/secret", refused},
		"grep, counted":      {"grep -count=1 . OUT/secret", refused},
		"exists":             {"exists OUT/secret", refused},
		"exists, read-only":  {"! exists -readonly OUT/secret", refused},
		"stdin":              {"stdin OUT/secret", refused},
		"ttyin":              {"ttyin -stdin OUT/secret", refused},
		"mkdir":              {"mkdir OUT/made", refused},
		"rm":                 {"rm OUT", refused},
		"mv":                 {"mv OUT/secret here", refused},
		"chmod":              {"chmod 777 OUT/secret", refused},
		"unix2dos":           {"unix2dos OUT/secret", refused},
		"unquote":            {"unquote OUT/secret", refused},
		"cd":                 {"cd OUT", refused},
		"cd up":              {"cd ..", refused},
		"symlink":            {"symlink here -> OUT/secret", refused},
		"symlink by dots":    {"symlink here -> ../../../../../../../../OUT/secret", refused},
		"symlink elsewhere":  {"symlink OUT/made -> incident.json", refused},
		"moved link":         {"mkdir a/b\nsymlink a/b/l -> ../../../made\n", refused},
		"link of a link":     {"mkdir a/b\nsymlink a/b/l -> ../../x\nmv a/b/l l\nmv l m\ncp incident.json a/../m", refused},
		"dots after a link":  {"mkdir a/b\nsymlink a/b/up -> ../..\ncp $WORK/a/b/up/../../../../../../../../OUT/secret here", refused},
		"up after a link":    {"mkdir a/b\nsymlink a/b/up -> ../..\nexists $WORK/a/b/up/..", refused},
		"create":             {"create OUT/secret", refused},
		"route":              {"route OUT/secret", refused},
		"edit":               {"create incident.json\nedit OUT/secret", refused},
		"ticket attach":      {"create incident.json\nticket attach OUT/secret", refused},
		"a file's name":      {"create incident.json\n-- ../made --\nx\n", "the file \"../made\" " + refused},
		"no name at all":     {"create incident.json\n-- --", "the script is malformed"},
		"an absolute name":   {"create incident.json\n-- OUT/made --\nx\n", refused},
		"a name of variable": {"create incident.json\n-- $devnull/../../OUT/made --\nx\n", refused},
	} {
		t.Run(name, func(t *testing.T) {
			script := strings.ReplaceAll(test.script, "/OUT", outside)
			r := run(t, "", strings.ReplaceAll(script, "OUT", outside), ruletest.Options{})
			if r.Status != ruletest.Failed || !strings.Contains(r.Message, test.want) || strings.Contains(r.Message+r.Log, "hunter2") {
				t.Errorf("%s: %s", r.Status, r.Message)
			}
			if strings.Contains(r.Message+r.Log, "lockstep-guard") {
				t.Errorf("it shows how it is done: %s", r.Log)
			}
			entries, err := os.ReadDir(outside)
			if text, _ := os.ReadFile(secret); err != nil || len(entries) != 1 || string(text) != "hunter2\n" {
				t.Fatalf("outside is changed: %v, %v, %q", err, entries, text)
			}
		})
	}
}

// Within its folder it does what it likes, and everywhere with -exec.
func TestScriptsInTheirFolder(t *testing.T) {
	inside := `
mkdir a/b
cp incident.json a/b
cd a/b
symlink ../l -> b/incident.json
cp ../l $WORK/copy
exists ../../copy $WORK/a/b/incident.json
cmp incident.json ../l
grep 01INCIDENT ../l
rm ../l
mv incident.json moved
create moved
ticket
cp stdout out
cmp stdout out
! exists ../l
`
	if r := run(t, "", inside, ruletest.Options{}); r.Status != ruletest.Passed {
		t.Errorf("%s: %s", r.Where(), r.Message)
	}
	secret := filepath.Join(t.TempDir(), "secret")
	write(t, secret, "hunter2\n")
	if r := run(t, "", "exec cat "+secret+"\nstdout hunter2\ngrep hunter2 "+secret+"\ncreate incident.json\n", ruletest.Options{Exec: true}); r.Status != ruletest.Passed {
		t.Errorf("%s: %s", r.Where(), r.Message)
	}
}

// A failure names the line of the script as it was written.
func TestFailuresNameTheLine(t *testing.T) {
	r := run(t, "", "# a comment\n\ncreate incident.json\n[!windows] ticket\nstdout nothing-like-it\n", ruletest.Options{Verbose: true})
	if r.Line != 5 || r.Command != "stdout nothing-like-it" || filepath.Base(r.File) != "story.txtar" || !strings.Contains(r.Log, "story.txtar:5: ") {
		t.Errorf("line %d, %q: %s", r.Line, r.Command, r.Log)
	}
	r = run(t, "", "create incident.json\ncp /etc/passwd x\n", ruletest.Options{})
	if r.Line != 2 || r.Command != "cp /etc/passwd x" {
		t.Errorf("line %d, %q: %s", r.Line, r.Command, r.Message)
	}
}

func TestScriptsTestSomething(t *testing.T) {
	if r := run(t, "", "env A=b\nexists incident.json\n", ruletest.Options{}); r.Status != ruletest.Failed || !strings.Contains(r.Message, "tests nothing") {
		t.Errorf("%s: %s", r.Status, r.Message)
	}
	for script, want := range map[string]ruletest.Status{
		"create bad.json\n": ruletest.Failed,
		"create bad.json\ncreate minor.json\nstderr urgency\n":   ruletest.Failed,
		"create bad.json\nstderr urgency\ncreate minor.json\n":   ruletest.Passed,
		"create bad.json\ncp stderr said\n":                      ruletest.Passed,
		"create bad.json\nstderr urgency\nrestart\nadvance 1h\n": ruletest.Passed,
		"create incident.json\nticket\n":                         ruletest.Passed,
	} {
		r := run(t, "", script, ruletest.Options{})
		if r.Status != want || want == ruletest.Failed && !strings.Contains(r.Message, "the script does not look at it") {
			t.Errorf("%q: %s: %s", script, r.Status, r.Message)
		}
	}
}

// A script ends, whether it is busy with itself or with the engine.
func TestScriptsEnd(t *testing.T) {
	lines := strings.Repeat("exists incident.json\n", 200_000)
	for name, script := range map[string]string{
		"many lines": "create incident.json\n" + lines,
		"long story": "create incident.json\n" + strings.Repeat("advance 3600d\n", 1000),
	} {
		t.Run(name, func(t *testing.T) {
			r := run(t, "", script, ruletest.Options{Timeout: 200 * time.Millisecond})
			if r.Status != ruletest.Failed || !strings.Contains(r.Message, "the test takes longer than 200ms") {
				t.Errorf("%s: %s", r.Status, r.Message)
			}
		})
	}
}
