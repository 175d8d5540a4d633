package rules

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/lockstep-sync/lockstep/rules/budget"
	"github.com/lockstep-sync/lockstep/rules/source"
)

// hostile returns configurations that are small to write and endless to read, with
// the first error of each, as LINE:COL: SUMMARY.
func hostile() map[string]struct{ hcl, want string } {
	rep := strings.Repeat
	doubling := func(first, form string) string {
		var b strings.Builder
		fmt.Fprintf(&b, "locals {\n  a0 = %s\n", first)
		for i := range 40 {
			fmt.Fprintf(&b, "  a%d = %s\n", i+1, strings.ReplaceAll(form, "X", fmt.Sprintf("local.a%d", i)))
		}
		return b.String() + "}\n"
	}
	local := func(e string) string { return "locals {\n  a = " + e + "\n}\n" }
	long := "[for i in range(1000) : i]"
	const (
		tooDeep = "nested more than 200 levels deep"
	)
	return map[string]struct{ hcl, want string }{
		"brackets":         {local(rep("[", 20_000)), "2:206: " + tooDeep},
		"closed brackets":  {local(rep("[", 20_000) + rep("]", 20_000)), "2:206: " + tooDeep},
		"parentheses":      {local(rep("(", 20_000) + "1" + rep(")", 20_000)), "2:206: " + tooDeep},
		"braces":           {rep("a {\n", 20_000), "201:3: " + tooDeep},
		"objects":          {local(rep("{a=", 20_000)), ""},
		"interpolations":   {local(rep(`"${`, 20_000)), ""},
		"directives":       {local(`"` + rep("%{if true}", 20_000) + `"`), ""},
		"heredocs":         {local("<<E\n" + rep("${<<E\n", 20_000)), ""},
		"exclamation":      {local(rep("!", 20_000) + "true"), "2:206: " + tooDeep},
		"minus":            {local(rep("-", 20_000) + "1"), "2:206: " + tooDeep},
		"minus and spaces": {local(rep("- ", 20_000) + "1"), ""},
		"chain":            {local("1" + rep("+1", 20_000)), ""},
		"choices":          {local(rep("true?1:", 20_000) + "1"), ""},
		"indexes":          {local("local.b" + rep("[0]", 20_000)), ""},
		"splats":           {local("local.b" + rep("[*]", 20_000)), ""},
		"dollars":          {local(`"` + rep("$", 21_000) + `"`), ""},
		"lines":            {local("<<E\n" + rep("a\n", 21_000) + "E\n"), ""},
		"tokens":           {local("[" + rep("1,", 250_000) + "]"), ""},

		"number":           {local("1e1000000000"), "2:7: the number is too large"},
		"small number":     {local("1e-1000000000"), "2:7: the number is too large"},
		"digits":           {local(rep("9", 100_000)), "2:7: the number is too large"},
		"growing number":   {doubling("1e200", "X * X"), "3:8: the number is too large"},
		"number in a text": {local(`"${1e300 * 1e300 * 1e300 * 1e300 * 1e300}"`), ""},
		"number of a text": {local(`"${tonumber("1e100000000")}"`), ""},
		"number of JSON":   {local(`"${jsondecode("[1e600000000]")[0]}"`), ""},
		"parsed number":    {local(`parseint(join("", [for i in range(1000) : "99999999999999999999"]), 10)`), ""},

		"doubled text":   {doubling(`"0123456789"`, `"${X}${X}"`), ""},
		"doubled list":   {doubling(`[1]`, `[X, X]`), ""},
		"doubled object": {doubling(`{ a = 1 }`, `{ a = X, b = X }`), ""},
		"doubled null":   {doubling(`null`, `true ? null : [X, X]`), ""},
		"doubled type":   {doubling(`[]`, `true ? null : { a = X, b = X }`), ""},
		"doubled join":   {doubling(`"0123456789"`, `join("", [X, X])`), ""},
		"doubled format": {doubling(`"0123456789"`, `format("%s%s", X, X)`), ""},
		"nested list":    {doubling(`[1]`, rep("[", 150)+"X"+rep("]", 150)), "5:8: a value nested more than 400 levels deep"},

		"loops":       {local("[for i in " + long + " : [for j in " + long + " : [for k in range(100) : i]]]"), ""},
		"counting":    {local("length([for i in " + long + " : [for j in " + long + " : [for k in range(100) : 1]]])"), ""},
		"tried":       {local("try([for i in " + long + " : [for j in " + long + " : [for k in range(100) : i]]], 1)"), ""},
		"conditions":  {local("[for i in " + long + " : i if length([for j in " + long + " : [for k in range(100) : i]]) > 0]"), ""},
		"errors":      {local("[for i in " + long + " : [for j in " + long + " : [for k in range(100) : i.x]]]"), ""},
		"text loops":  {local(`"%{for i in ` + long + `}%{for j in ` + long + `}` + rep("x", 1000) + `%{endfor}%{endfor}"`), ""},
		"keys":        {local(`{for i in ` + long + ` : "${i}" => [for j in ` + long + ` : "0123456789012345678901234567890"]}`), ""},
		"long bodies": {local("[for i in " + long + " : [" + rep("i,", 2_000) + "][0]]"), ""},
		"comparison":  {"locals {\n  a = [for i in range(1000) : " + long + "]\n  b = [for i in range(1000) : local.a == local.a]\n}\n", ""},
		"branches":    {"locals {\n  a = " + long + "\n  b = [for i in range(1000) : [for j in range(1000) : length(true ? local.a : local.a)]]\n}\n", ""},
		"contains":    {"locals {\n  a = " + long + "\n  b = [for i in range(1000) : [for j in range(1000) : contains(local.a, -1)]]\n}\n", ""},

		"width":      {local(`format("%1000000000d", 1)`), ""},
		"precision":  {local(`format("%.1000000000f", 1)`), ""},
		"repeated":   {local(`format("` + rep("%[1]s", 10_000) + `", join("", [for i in range(1000) : "0123456789"]))`), ""},
		"formatlist": {local(`formatlist("%1000000d", range(1000))`), ""},
		"indent":     {local(`indent(1000000000, "a\n")`), ""},
		"negative":   {local(`indent(-1, "a\n")`), ""},
		"separators": {local(`join(join("", [for i in range(1000) : "0123456789"]), [for i in range(1000) : [for j in range(10): "a"]]...)`), ""},
		"product":    {local(`setproduct(range(1000), range(1000), range(1000))`), ""},
		"replace":    {local(`replace(join("", range(1000)), "/./", join("", [for i in range(1000) : "0123456789"]))`), ""},
		"groups":     {local(`replace(join("", range(1000)), "/(.*)/", "` + rep("$1", 10_000) + `")`), ""},
		"regex":      {local(`regexall("` + rep("(a{1000})", 4) + rep("b{1000}", 10) + `", "a")`), ""},
		"JSON":       {local(`jsondecode(join("", [for i in range(1000) : "[[[[[[[[[["]))`), ""},
		"distinct":   {"locals {\n  a = flatten([for i in range(60) : [for j in range(60) : i * 1000 + j]])\n  b = length(distinct(local.a))\n}\n", ""},
	}
}

// testLimits bound what tests evaluate of hostile configurations: each takes more
// than any bound, and with the race detector a step takes ten times as long.
var testLimits = budget.Limits{Steps: 100_000}

// Whatever a file holds, loading it ends, with a few errors at a place in it.
func TestLoadIsBounded(t *testing.T) {
	for name, test := range hostile() {
		t.Run(name, func(t *testing.T) {
			o := Options{Offline: true, limits: testLimits}
			if strings.HasPrefix(name, "doubled") {
				o.limits = budget.Limits{Bytes: budget.MaxBytes / 8} // memory is to run out before time does
			}
			set, found := Load(t.Context(), write(t, "main.hcl", test.hcl), o)
			switch {
			case set != nil || !found.HasErrors():
				t.Fatal("it was taken")
			case len(found) > mostOfAKind+1:
				t.Errorf("%d diagnostics", len(found))
			}
			got := fmt.Sprintf("%d:%d: %s", found[0].Line, found[0].Column, found[0].Summary)
			t.Log(got)
			if test.want != "" && got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
			for _, d := range found {
				if strings.Contains(d.Summary+d.Detail, "goroutine ") || filepath.Base(d.File) != "main.hcl" {
					t.Errorf("%+v", d)
				}
			}
		})
	}
}

// Whatever kind of file there is, nothing waits for it and one sentence says what
// it is.
func TestLoadReadsRegularFilesOnly(t *testing.T) {
	big := strings.Repeat("#"+strings.Repeat("x", 99)+"\n", 300_000)
	wide := func(s, before, after string) string {
		var b strings.Builder
		for _, r := range s {
			b.WriteString(before + string(r) + after)
		}
		return b.String()
	}
	for name, test := range map[string]struct {
		make func(path string) error
		want string
	}{
		"pipe":      {func(p string) error { return syscall.Mkfifo(p, 0o600) }, "1:1: cannot read the file: it is a named pipe, not a regular file"},
		"device":    {func(p string) error { return os.Symlink("/dev/zero", p) }, "1:1: cannot read the file: it is a device, not a regular file"},
		"directory": {func(p string) error { return os.Mkdir(p, 0o700) }, "1:1: cannot read the file: it is a directory, not a regular file"},
		"itself":    {func(p string) error { return os.Symlink(filepath.Base(p), p) }, "1:1: cannot read the file: too many levels of symbolic links"},
		"nothing":   {func(p string) error { return os.Symlink("gone", p) }, "1:1: cannot read the file: no such file or directory"},
		"process":   {func(p string) error { return os.Symlink("/proc/self/mem", p) }, "1:1: cannot read the file: input/output error"},
		"comment":   {func(p string) error { return os.WriteFile(p, []byte(big), 0o600) }, "1:1: the file is larger than 1 MiB"},
		"UTF-16":    {func(p string) error { return os.WriteFile(p, []byte("\xff\xfea\x00"), 0o600) }, "1:1: the file is encoded in UTF-16"},
		"no mark":   {func(p string) error { return os.WriteFile(p, []byte(wide("locals {\n}\n", "", "\x00")), 0o600) }, "1:1: the file is encoded in UTF-16"},
		"UTF-32":    {func(p string) error { return os.WriteFile(p, []byte("\xff\xfe\x00\x00a\x00\x00\x00"), 0o600) }, "1:1: the file is encoded in UTF-32"},
		"no mark 4": {func(p string) error { return os.WriteFile(p, []byte(wide("locals {\n}\n", "", "\x00\x00\x00")), 0o600) }, "1:1: the file is encoded in UTF-32"},
		"big end 4": {func(p string) error { return os.WriteFile(p, []byte(wide("locals {\n}\n", "\x00\x00\x00", "")), 0o600) }, "1:1: the file is encoded in UTF-32"},
		"NUL":       {func(p string) error { return os.WriteFile(p, []byte("locals {\n  é = \x00\n}\n"), 0o600) }, "2:7: a NUL byte in the file"},
		"Latin-1":   {func(p string) error { return os.WriteFile(p, []byte("locals {\n  a = \"\xe9\"\n}\n"), 0o600) }, "2:8: bytes that are not UTF-8"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := write(t, "connectors.hcl", connectorBlocks)
			if err := test.make(filepath.Join(dir, "x.hcl")); err != nil {
				t.Skip(err)
			}
			set, found := loadDir(t, dir)
			if set != nil || len(found) != 1 {
				t.Fatalf("%+v", found)
			}
			if got := fmt.Sprintf("%d:%d: %s", found[0].Line, found[0].Column, found[0].Summary); got != test.want || filepath.Base(found[0].File) != "x.hcl" {
				t.Errorf("%s: %s, want %s", found[0].File, got, test.want)
			}
		})
	}
}

// All files together are bounded, whether they are configuration or read by it.
func TestLoadReadsSoMuchInAll(t *testing.T) {
	files := []string{"main.hcl", "locals {\n  n = length(file(\"text\"))\n}\n", "text", strings.Repeat("x", source.MaxFile+1)}
	_, found := loadDir(t, write(t, files...))
	if len(found) != 1 || found[0].Summary != "file(): cannot read text: it is larger than 1 MiB" {
		t.Errorf("%+v", found)
	}
	files = nil
	line := "#" + strings.Repeat("x", 1022) + "\n"
	for i := range 65 {
		files = append(files, fmt.Sprintf("%02d.hcl", i), strings.Repeat(line, source.MaxFile/len(line)))
	}
	_, found = loadDir(t, write(t, files...))
	if len(found) != 1 || found[0].Summary != "the configuration is larger than 64 MiB" || filepath.Base(found[0].File) != "64.hcl" {
		t.Errorf("%+v", found)
	}
}

// What file() reads outside the directory is secret, and the offline commands do
// not even look.
func TestFileOutside(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(outside, []byte("hunter2"), 0o600); err != nil {
		t.Fatal(err)
	}
	const hcl = `
connector "incidentio" "acme" {
  api_key = file("PATH")
}
connector "incidentio" "other" {
  api_key = "k"
  api_url = "https://${file("PATH")}.example"
}
`
	for name, path := range map[string]string{"absolute": outside, "dots": "../key", "link": "inside", "absent": "/nowhere/key"} {
		t.Run(name, func(t *testing.T) {
			dir := write(t, "main.hcl", strings.ReplaceAll(hcl, "PATH", path))
			if err := errors.Join(os.Symlink(outside, filepath.Join(dir, "inside")), os.WriteFile(filepath.Join(filepath.Dir(dir), "key"), []byte("hunter2"), 0o600)); err != nil {
				t.Fatal(err)
			}
			for _, offline := range []bool{true, false} {
				set, found := Load(t.Context(), dir, Options{Systems: fakeSystems(), Offline: offline, Env: func(string) (string, bool) { return "x", true }})
				if name == "absent" && !offline {
					if text := textOf(found); set != nil || !strings.Contains(text, "cannot read /nowhere/key") {
						t.Errorf("%s", text)
					}
					continue
				}
				if set == nil {
					t.Fatal(textOf(found))
				}
				got := set.Connectors["acme"].Settings.(*incidentioSettings).APIKey.Reveal()
				if want := map[bool]string{true: "", false: "hunter2"}[offline]; got != want {
					t.Errorf("offline %t: %q", offline, got)
				}
			}
		})
	}
	dir := write(t, "main.hcl", `connector "jira" "eng" {
  url       = "https://acme.atlassian.net"
  email     = "bot@acme.example"
  api_token = trimspace(file("`+outside+`"))
}
`)
	if set, found := Load(t.Context(), dir, Options{Systems: fakeSystems()}); set == nil {
		t.Errorf("a connector takes its secret from a file: %s", textOf(found))
	}
	dir = write(t, "main.hcl", connectorBlocks+"locals {\n  n = length(file(\""+outside+"\"))\n  m = file(env(\"PATH_OF\"))\n}\n")
	_, found := Load(t.Context(), dir, Options{Systems: fakeSystems(), Env: func(string) (string, bool) { return "/very/secret", true }})
	if text := textOf(found); strings.Contains(text, "/very/secret") || !strings.Contains(text, "cannot read (sensitive)") {
		t.Error(text)
	}
}

// A load ends with its context.
func TestLoadEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("somebody hung up"))
	set, found := Load(ctx, write(t, "main.hcl", connectorBlocks), Options{Systems: fakeSystems(), Offline: true})
	if set != nil || len(found) != 1 || found[0].Summary != "the load was given up: somebody hung up" {
		t.Errorf("%v %+v", set, found)
	}
}

// Templates that extend each other in a long chain take no stack, and what they
// inherit in all is bounded.
func TestExtendsIsBounded(t *testing.T) {
	var chain strings.Builder
	chain.WriteString(connectorBlocks + "template \"t0\" {\n  target = servicenow.itsm.incident\n  outbound { short_description = \"{{ incident.name }}\" }\n}\n")
	const last = 3000
	for i := range last {
		fmt.Fprintf(&chain, "template \"t%d\" { extends = template.t%d }\n", last-i, last-i-1)
	}
	fmt.Fprintf(&chain, "route \"r\" {\n  source    = incidentio.acme.incident\n  templates = [template.t%d]\n}\n", last)
	set, found := loadDir(t, write(t, "main.hcl", chain.String()))
	if set == nil {
		t.Fatal(textOf(found))
	}
	if d := set.Decide("r", Input{Record: incident(nil)}); d.Template != fmt.Sprintf("t%d", last) || len(d.Values) != 1 {
		t.Errorf("%+v", d)
	}

	var wide strings.Builder
	wide.WriteString(connectorBlocks + "template \"t\" {\n  outbound {\n")
	const fields = 1000
	for i := range fields {
		fmt.Fprintf(&wide, "    u_%d = \"x\"\n", i)
	}
	wide.WriteString("  }\n}\n")
	for i := range maxInherited/fields + 1 {
		fmt.Fprintf(&wide, "template \"t%d\" { extends = template.t }\n", i)
	}
	_, found = loadDir(t, write(t, "main.hcl", wide.String()))
	if len(found) != 1 || found[0].Summary != "templates inherit more than 100000 fields in all" {
		t.Errorf("%s", textOf(found))
	}
}

// Many findings of one kind are one fault.
func TestFewFindingsOfOneKind(t *testing.T) {
	_, found := loadDir(t, write(t, "main.hcl", strings.Repeat("what \"is\" {}\n", 5_000)))
	if len(found) != mostOfAKind || !strings.HasSuffix(found[mostOfAKind-1].Detail, "There are 4980 more like this.") {
		t.Errorf("%d: %+v", len(found), found[len(found)-1])
	}
}
