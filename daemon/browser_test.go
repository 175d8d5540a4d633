package daemon

import (
	"context"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

var screenshots = flag.String("screenshots", "", "the folder that the browser's test puts pictures of the page into")

// browserNeeded is set where the tests of the page must not be skipped.
const browserNeeded = "LOCKSTEP_TEST_BROWSER"

// newBrowser starts a Chromium without a window. It fails the test of whatever the
// page's scripts, or the policy of what it may load, complain of.
func newBrowser(t *testing.T) context.Context {
	t.Helper()
	var path string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		if os.Getenv(browserNeeded) != "" {
			t.Fatal("there is no Chromium: apt-get install chromium")
		}
		t.Skip("there is no Chromium: apt-get install chromium")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.Flag("disable-dev-shm-usage", true), chromedp.WSURLReadTimeout(time.Minute))
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(cancel)
	var mu sync.Mutex
	var complaints []string
	chromedp.ListenTarget(ctx, func(event any) {
		mu.Lock()
		defer mu.Unlock()
		switch e := event.(type) {
		case *log.EventEntryAdded:
			if e.Entry.Level == log.LevelError {
				complaints = append(complaints, e.Entry.Text+" "+e.Entry.URL)
			}
		case *runtime.EventExceptionThrown:
			complaints = append(complaints, e.ExceptionDetails.Error())
		}
	})
	t.Cleanup(func() {
		mu.Lock()
		defer mu.Unlock()
		for _, c := range complaints {
			t.Errorf("the browser complains: %s", c)
		}
	})
	return ctx
}

type tab struct {
	t   *testing.T
	ctx context.Context
}

func (b tab) do(what string, actions ...chromedp.Action) {
	b.t.Helper()
	if err := chromedp.Run(b.ctx, actions...); err != nil {
		var text string
		_ = chromedp.Run(b.ctx, chromedp.Evaluate(`location.href + "\n" + document.body.innerText`, &text))
		b.t.Fatalf("%s: %v\n%s", what, err, text)
	}
}

// sees waits until the page shows a text, which a browser's own find would find.
func (b tab) sees(text string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 30*time.Second)
	defer cancel()
	tab{b.t, ctx}.do("sees "+text, chromedp.PollFunction(`text => document.body && document.body.innerText.includes(text)`, nil, chromedp.WithPollingArgs(text)))
}

// fits fails where the page is wider than the window, so that a phone scrolls both ways.
func (b tab) fits(page string) {
	b.t.Helper()
	var wide bool
	b.do("measure "+page, chromedp.Evaluate(`document.documentElement.scrollWidth > window.innerWidth`, &wide))
	if wide {
		b.t.Errorf("%s is wider than the window", page)
	}
}

func (b tab) picture(name string) {
	b.t.Helper()
	if *screenshots == "" {
		return
	}
	var png []byte
	b.do("picture", chromedp.FullScreenshot(&png, 100))
	if err := os.WriteFile(filepath.Join(*screenshots, name+".png"), png, 0o600); err != nil {
		b.t.Fatal(err)
	}
}

// dark shows the page to somebody who prefers dark colours.
func dark(on bool) chromedp.Action {
	value := "light"
	if on {
		value = "dark"
	}
	return emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: value}})
}

const browserConfig = `
daemon {
  admin       = "127.0.0.1:0"
  admin_token = "correct horse"
}
`

// failingTitle makes incidents that are called "broken" fail.
const failingTitle = `title = "{{ incident.name == 'broken' ? string(1 / (size(incident.name) - 6)) : incident.name }}"`

func TestThePageInABrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts a browser: it runs without -short")
	}
	b := tab{t, newBrowser(t)}
	r := newRig(t, browserConfig+replaced(t, memoryConfig, `title = "{{ incident.name }}"`, failingTitle))
	r.start()
	r.report("1", "first")
	r.ticket("first")
	site := "http://" + r.address.Admin

	// Nothing is shown before the token is, once, by keyboard alone.
	b.do("open", chromedp.EmulateViewport(1200, 900), dark(false), chromedp.Navigate(site+"/links"), chromedp.WaitVisible("#token"))
	b.picture("login")
	b.do("type the token", chromedp.SendKeys("#token", "correct horse"+kb.Enter), chromedp.WaitVisible("header nav"))
	b.sees("incidents")
	b.sees("N1")
	b.sees("Live.")

	// What happens shows without anybody doing anything.
	r.report("2", "second")
	b.sees("N2")
	r.report("3", "broken")
	b.sees("N3")
	b.picture("overview")

	// A record's page, found by its name.
	b.do("find", chromedp.SendKeys("#find", "memory.acme.incident/3"+kb.Enter), chromedp.WaitVisible(`//h1[text()="N3"]`))
	b.sees("division by zero")
	b.picture("record")
	b.do("repair", chromedp.ActionFunc(func(context.Context) error {
		r.report("3", "whole")
		return nil
	}))
	b.sees("active") // the link, live

	// Dead letters: retried by hand, and dropped.
	r.report("4", "broken")
	b.do("dead letters", chromedp.Navigate(site+"/dead"))
	b.sees("N4")
	b.picture("dead")
	b.do("retry", chromedp.Click(`//button[text()="Retry"]`), chromedp.WaitVisible(".said"))
	b.sees("One dead letter was retried.")
	b.do("again", chromedp.Navigate(site+"/dead"))
	b.sees("N4")

	b.do("links", chromedp.Navigate(site+"/links"))
	b.sees("NT1")
	b.picture("links")

	// On a phone, at night, no page is wider than the screen.
	var light, night string
	colour := `getComputedStyle(document.body).backgroundColor`
	b.do("colour", chromedp.Evaluate(colour, &light))
	for _, page := range []string{"/", "/links", "/decisions", "/dead", "/records/memory.acme.incident%2F1"} {
		b.do(page, chromedp.EmulateViewport(360, 740, chromedp.EmulateMobile), dark(true), chromedp.Navigate(site+page), chromedp.WaitVisible("footer"))
		b.fits(page)
		b.picture("phone" + strings.ReplaceAll(strings.ReplaceAll(page, "/", "-"), "%2F", "-"))
	}
	b.do("colour", chromedp.Evaluate(colour, &night))
	if light == night {
		t.Errorf("the page is %s by day and by night", night)
	}

	// Without JavaScript all of it works too.
	b.do("no scripts", emulation.SetScriptExecutionDisabled(true), chromedp.EmulateViewport(1200, 900), chromedp.Navigate(site+"/dead"), chromedp.Click(`//button[text()="Drop"]`), chromedp.WaitVisible(".said"))
	b.do("sign out", chromedp.Click(`//button[text()="Sign out"]`), chromedp.WaitVisible(`//h1[text()="Signed out"]`), chromedp.Navigate(site+"/links"), chromedp.WaitVisible("#token"))
}
