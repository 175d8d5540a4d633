package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

// The address that is printed opens the page of a daemon that asks for a token, in one
// browser.
func TestDashboard(t *testing.T) {
	f := &fakeDaemon{answers: map[string]fakeAnswer{"GET /v1/status": {200, goodStatus}, "GET /": {200, "the page"}}}
	server := httptest.NewServer(f)
	defer server.Close()
	env := func(name string) (string, bool) {
		value, ok := map[string]string{"LOCKSTEP_ADMIN": server.Listener.Addr().String(), "LOCKSTEP_ADMIN_TOKEN": "s3cret"}[name]
		return value, ok
	}
	ctx, cancel := context.WithCancel(t.Context())
	out, in := io.Pipe()
	ended := make(chan int, 1)
	var stderr bytes.Buffer
	go func() {
		status := run(ctx, []string{"dashboard"}, strings.NewReader(""), in, &stderr, env)
		_ = in.Close()
		ended <- status
	}()
	var printed []byte
	address := regexp.MustCompile(`http://127\.0\.0\.1:\d+/\?code=\S+`)
	for buffer := make([]byte, 4096); !address.Match(printed); {
		n, err := out.Read(buffer)
		printed = append(printed, buffer[:n]...)
		if err != nil {
			t.Fatalf("%s%s: %v", printed, &stderr, err)
		}
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()

	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	visit := func(client *http.Client, url string) (int, string) {
		t.Helper()
		response, err := client.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response.StatusCode, string(body)
	}
	browser, other := &http.Client{Jar: jar}, http.DefaultClient
	signIn := string(address.Find(printed))
	site, _, _ := strings.Cut(signIn, "?")
	if code, _ := visit(other, site); code != http.StatusUnauthorized {
		t.Errorf("without the code: %d", code)
	}
	if code, _ := visit(browser, signIn); code != http.StatusOK {
		t.Errorf("with the code: %d", code)
	}
	if code, body := visit(browser, site); code != http.StatusOK || body != "the page" || f.token != "Bearer s3cret" {
		t.Errorf("signed in: %d %s, token %q", code, body, f.token)
	}
	if code, _ := visit(other, signIn); code != http.StatusUnauthorized {
		t.Errorf("with the code again: %d", code)
	}
	cancel()
	if status := <-ended; status != 0 {
		t.Errorf("ended with %d: %s", status, &stderr)
	}
}
