package rules

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// parseDuration reads a duration as Go writes it, plus days: "30d", "1d12h".
func parseDuration(s string) (time.Duration, error) {
	days, rest, hasDays := strings.Cut(s, "d")
	if !hasDays {
		return time.ParseDuration(s)
	}
	n, err := strconv.ParseFloat(days, 64)
	if err != nil || math.IsNaN(n) || math.Abs(n) > 36500 {
		return 0, fmt.Errorf("invalid duration %q", s)
	}
	total := time.Duration(n * float64(24*time.Hour))
	if rest == "" {
		return total, nil
	}
	more, err := time.ParseDuration(rest)
	if err != nil {
		return 0, fmt.Errorf("invalid duration %q", s)
	}
	return total + more, nil
}

// A span bounds a duration.
type span struct{ least, most time.Duration }

// The bounds of durations: below them nothing would work as it should, and above
// them nobody would notice.
var (
	pollSpan = span{time.Second, 7 * 24 * time.Hour}
	waitSpan = span{time.Second, 30 * 24 * time.Hour}
)

// duration reads a duration within bounds, fallback if it is not written or has
// mistakes.
func (l *decoder) duration(a *hclsyntax.Attribute, fallback time.Duration, bounds span) time.Duration {
	s, ok := l.given(a)
	if !ok {
		return fallback
	}
	if s.Empty() && l.unset(a) {
		return fallback
	}
	d, err := parseDuration(s.Reveal())
	if err != nil {
		l.err(a.Expr.Range(), "invalid duration "+s.Quote(), `Write a number with a unit: "90s", "5m", "12h" or "30d".`)
		return fallback
	}
	if d < bounds.least || d > bounds.most {
		l.err(a.Expr.Range(), fmt.Sprintf("%s must be between %s and %s", a.Name, days(bounds.least), days(bounds.most)), fmt.Sprintf("The default is %s.", days(fallback)))
		return fallback
	}
	return d
}

// days is a duration as people write it in a configuration.
func days(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d >= day && d%day == 0:
		return fmt.Sprintf("%dd", d/day)
	case d >= time.Minute && d%time.Minute == 0:
		return fmt.Sprintf("%dm", d/time.Minute)
	}
	return seconds(d)
}

// parseSize reads a number of bytes: "10MiB", "512KiB", "100".
func parseSize(s string) (int64, bool) {
	s = strings.TrimSpace(s)
	factor := int64(1)
	for suffix, n := range map[string]int64{"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30} {
		if number, ok := strings.CutSuffix(s, suffix); ok {
			s, factor = strings.TrimSpace(number), n
			break
		}
	}
	if factor == 1 {
		s = strings.TrimSpace(strings.TrimSuffix(s, "B"))
	}
	n, err := strconv.ParseFloat(s, 64)
	size := n * float64(factor)
	if err != nil || math.IsNaN(size) || size < 1 || size > 1<<40 || size != math.Trunc(size) {
		return 0, false
	}
	return int64(size), true
}

// size reads a number of bytes, fallback if it is not written or has mistakes.
func (l *decoder) size(a *hclsyntax.Attribute, fallback int64) int64 {
	s, ok := l.given(a)
	if !ok {
		return fallback
	}
	n, ok := parseSize(s.Reveal())
	if !ok {
		l.err(a.Expr.Range(), a.Name+" is not a valid size", `Write a number with a unit: "512KiB", "10MiB" or "1GiB".`)
		return fallback
	}
	return n
}

// seconds is a duration as people write it in a connector block.
func seconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', -1, 64) + "s" }
