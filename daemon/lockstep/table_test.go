package main

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// A table fits a terminal of a hundred columns whatever its cells hold, and cuts no
// id.
func TestTablesFit(t *testing.T) {
	const id, ref = "0123456789abcdef0123", "incidentio.acme.incident/01FDAG4SAP5TYPT98WGR2N7W91"
	var b strings.Builder
	err := table(&b, func(row func(...any)) {
		row("ID", "ROUTE", "RECORD", "REASON", "MESSAGE")
		row(id, "a_route_with_a_rather_long_name", ref, "rejected", strings.Repeat("It said no. ", 20))
		row(id, "r", "INC-1", "ref_not_found", "日本語\n\x1b[31m")
	})
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	if len(lines) != 3 {
		t.Fatalf("%d lines:\n%s", len(lines), b.String())
	}
	for _, line := range lines {
		if n := utf8.RuneCountInString(line); n > tableWidth {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	if !strings.HasPrefix(lines[1], id+"  ") || !strings.Contains(lines[1], "incidenti") || !strings.Contains(lines[1], "2N7W91") || strings.ContainsRune(b.String(), 0x1b) {
		t.Errorf("cut where it tells least:\n%s", b.String())
	}
	wide := strings.Repeat("https://x/", 30)
	b.Reset()
	if err := details(&b, func(row func(...any)) { row("url", wide) }); err != nil || b.String() != "url  "+wide+"\n" {
		t.Errorf("details cut, %v: %s", err, b.String())
	}
}

func TestAgo(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for d, want := range map[time.Duration]string{-time.Second: "0s", 59 * time.Second: "59s", time.Minute: "1m", 47 * time.Hour: "47h", 49 * time.Hour: "2d"} {
		if got := ago(now.Add(-d), now); got != want {
			t.Errorf("%v ago is %s, want %s", d, got, want)
		}
	}
	if got := ago(time.Time{}, now); got != "-" {
		t.Errorf("never is %s", got)
	}
}
