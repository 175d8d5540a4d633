package demo

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/lockstep-sync/lockstep/rules/visible"
)

// A printer writes the story in lines that fit the terminal.
type printer struct {
	to    io.Writer
	color bool
	width int // in columns; 0: no line is broken
}

// paragraph prints text that begins with first; the lines that it goes on in begin
// with as many spaces.
func (p printer) paragraph(first, text string) {
	fmt.Fprintln(p.to, wrapped(p.width, first, text))
}

// heading prints a line that stands out.
func (p printer) heading(first, text string) {
	fmt.Fprintln(p.to)
	title := wrapped(p.width, first, text)
	if !p.color {
		fmt.Fprintln(p.to, title)
		return
	}
	visible.Styled(p.to, "\x1b[1m", title)
	fmt.Fprintln(p.to)
}

// wrapped breaks text at spaces into lines of at most width columns, a word that is
// longer where the line ends; width 0 breaks nothing. Line breaks of the text stay.
func wrapped(width int, first, text string) string {
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)
	indent := strings.Repeat(" ", utf8.RuneCountInString(first))
	room := width - len(indent)
	if width == 0 || room < 1 {
		return first + strings.ReplaceAll(text, "\n", "\n"+indent)
	}
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		lines = append(lines, broken(room, line)...)
	}
	return first + strings.Join(lines, "\n"+indent)
}

// broken returns a line in pieces of at most room columns.
func broken(room int, line string) (pieces []string) {
	rest := []rune(line)
	for len(rest) > room {
		end, next := room, room
		for i := room; i > 0; i-- {
			if rest[i] == ' ' {
				end, next = i, i+1
				break
			}
		}
		pieces = append(pieces, strings.TrimRight(string(rest[:end]), " "))
		rest = rest[next:]
	}
	return append(pieces, strings.TrimRight(string(rest), " "))
}
