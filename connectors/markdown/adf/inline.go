package adf

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// inlineOf turns inline nodes of every kind into texts and breaks.
func (c codec) inlineOf(nodes []*Node, marks []Mark, depth int) []*Node {
	var all []*Node
	add := func(s string, marks ...Mark) {
		if s != "" {
			all = append(all, text(s, marks...))
		}
	}
	for _, n := range nodes {
		if !c.budget.Spend(1 + len(n.Text) + len(n.Marks)) {
			break
		}
		own := normalMarks(append(slices.Clone(marks), n.Marks...))
		switch n.Type {
		case "text":
			add(n.Text, own...)
		case "hardBreak":
			all = append(all, hardBreak())
		case "mention":
			if shown := n.attr("text"); shown != "" || n.attr("id") == "" {
				add(shown, own...)
			} else {
				add("@"+n.attr("id"), own...)
			}
		case "status", "placeholder":
			add(n.attr("text"), own...)
		case "emoji":
			if shown := n.attr("text"); shown != "" {
				add(shown, own...)
			} else {
				add(n.attr("shortName"), own...)
			}
		case "date":
			add(day(n.attr("timestamp")), own...)
		case "inlineCard", "blockCard", "embedCard":
			add(n.cardTitle(), append(own, linkMark(n.cardURL()))...)
		case "media", "mediaInline", "image":
			all = append(all, picture(n, own))
		case "inlineExtension", "extension", "bodiedExtension":
			if len(n.Content) > 0 && depth < maxDepth {
				all = append(all, c.inlineOf(n.Content, own, depth+1)...)
			} else {
				add(extension(n), own...)
			}
		default:
			if depth < maxDepth {
				all = append(all, c.inlineOf(n.Content, own, depth+1)...)
			}
		}
	}
	return all
}

// cardURL is where a card leads: its own address, or that in its data.
func (n *Node) cardURL() string {
	if address := n.attr("url"); address != "" {
		return address
	}
	data, _ := n.Attrs["data"].(map[string]any)
	for _, member := range []string{"url", "@id"} {
		if address := textOf(data[member]); address != "" {
			return address
		}
	}
	return ""
}

// cardTitle is what a card shows: where it leads, else its name.
func (n *Node) cardTitle() string {
	if address := n.cardURL(); address != "" {
		return address
	}
	data, _ := n.Attrs["data"].(map[string]any)
	return textOf(data["name"])
}

// extension is an extension that holds nothing: the text it shows, else what kind
// it is of.
func extension(n *Node) string {
	shown := n.attr("text")
	if shown == "" {
		shown = n.attr("extensionKey")
	}
	if shown == "" {
		return ""
	}
	return "(" + shown + ")"
}

// picture is a link to a picture, or the name of the file.
func picture(n *Node, marks []Mark) *Node {
	shown := n.attr("alt")
	if address := n.attr("url"); address != "" {
		if shown == "" {
			shown = address
		}
		return text(shown, append(marks, linkMark(address))...)
	}
	if shown == "" {
		shown = "file"
	}
	return text("("+shown+")", marks...)
}

// normalInline is content in normal form: texts with the marks that Markdown
// has, each beginning and ending with a character that is not white space, and
// single breaks between them.
func normalInline(nodes []*Node) []*Node {
	var all []*Node
	for _, n := range nodes {
		if n.Type == "hardBreak" {
			all = append(all, n)
			continue
		}
		all = append(all, normalText(n)...)
	}
	all = merge(all)
	all = trimLines(all)
	all = merge(spaceOut(linkify(all)))
	return trimLines(all)
}

// normalText cleans a text and its marks. A line's end is a break.
func normalText(n *Node) []*Node {
	marks := normalMarks(n.Marks)
	s := cleanCode(n.Text)
	if slices.ContainsFunc(marks, func(m Mark) bool { return m.Type == "code" }) {
		s = strings.ReplaceAll(s, "\n", " ")
		if s == "" {
			return nil
		}
		return []*Node{text(s, marks...)}
	}
	var all []*Node
	for i, line := range strings.Split(s, "\n") {
		if i > 0 {
			all = append(all, hardBreak())
		}
		line = strings.Map(func(r rune) rune {
			if unicode.IsControl(r) {
				return ' '
			}
			return r
		}, line)
		if line != "" {
			all = append(all, text(line, marks...))
		}
	}
	return all
}

// order in which marks are kept.
var order = []string{"link", "strong", "em", "strike", "code"}

// normalMarks are the marks that Markdown has, each once. Code goes with a
// link alone.
func normalMarks(marks []Mark) []Mark {
	var all []Mark
	for _, kind := range order {
		for _, m := range marks {
			if m.Type != kind {
				continue
			}
			if kind == "link" {
				if m = linkMark(cleanAddress(m.href())); m.href() == "" {
					continue
				}
			} else {
				m = Mark{Type: kind}
			}
			all = append(all, m)
			break
		}
	}
	if len(all) > 0 && all[len(all)-1].Type == "code" {
		all = slices.DeleteFunc(all, func(m Mark) bool { return m.Type != "code" && m.Type != "link" })
	}
	return all
}

var scheme = regexp.MustCompile(`^(?i:https?|ftp|mailto|tel|sftp|ssh|file|slack|msteams|vscode):[^\s<>\x00-\x20]+$`)

// cleanAddress is an address that can be followed; "" where there is none.
func cleanAddress(s string) string {
	s = strings.ReplaceAll(strings.TrimSpace(s), " ", "%20")
	if !scheme.MatchString(s) {
		return ""
	}
	return s
}

func sameMarks(a, b []Mark) bool {
	return slices.EqualFunc(a, b, func(a, b Mark) bool { return a.Type == b.Type && a.href() == b.href() })
}

// merge joins texts of the same marks.
func merge(nodes []*Node) []*Node {
	var all []*Node
	for i := 0; i < len(nodes); i++ {
		n := nodes[i]
		if n.Type != "text" {
			all = append(all, n)
			continue
		}
		size, end := len(n.Text), i+1
		for end < len(nodes) && nodes[end].Type == "text" && (nodes[end].Text == "" || size == 0 || sameMarks(nodes[end].Marks, n.Marks)) {
			if size == 0 {
				n = nodes[end]
			}
			size += len(nodes[end].Text)
			end++
		}
		if size > len(n.Text) {
			var b strings.Builder
			b.Grow(size)
			for _, part := range nodes[i:end] {
				b.WriteString(part.Text)
			}
			n = text(b.String(), n.Marks...)
		}
		if size > 0 {
			all = append(all, n)
		}
		i = end - 1
	}
	return all
}

const blank = " \t\u00a0\u2028\u2029\u3000\u2002\u2003\u2009\u200a\u202f\u205f\u1680\u2000\u2001\u2004\u2005\u2006\u2007\u2008"

// trimLines takes white space off the ends of lines, and breaks off the ends
// of the whole.
func trimLines(nodes []*Node) []*Node {
	nodes = trimSide(nodes, false)
	slices.Reverse(nodes)
	nodes = trimSide(nodes, true)
	slices.Reverse(nodes)
	return nodes
}

func trimSide(nodes []*Node, right bool) []*Node {
	var all []*Node
	atEdge := true
	for _, n := range nodes {
		if n.Type == "hardBreak" {
			if !atEdge {
				all = append(all, n)
			}
			atEdge = true
			continue
		}
		if atEdge && !hasMark(n, "code") {
			s := n.Text
			if right {
				s = strings.TrimRight(s, blank)
			} else {
				s = strings.TrimLeft(s, blank)
			}
			if s == "" {
				continue
			}
			n = text(s, n.Marks...)
		}
		atEdge = false
		all = append(all, n)
	}
	return all
}

// spaceOut takes white space at the ends of marked texts out of those marks
// that do not go on beyond it.
func spaceOut(nodes []*Node) []*Node {
	var split []*Node
	for _, n := range nodes {
		if n.Type != "text" || len(n.Marks) == 0 || hasMark(n, "code") {
			split = append(split, n)
			continue
		}
		core := strings.Trim(n.Text, blank)
		start := strings.Index(n.Text, core)
		if core == "" {
			start = 0
			core = n.Text
		}
		for _, part := range []string{n.Text[:start], core, n.Text[start+len(core):]} {
			if part != "" {
				split = append(split, text(part, n.Marks...))
			}
		}
	}
	for i, n := range split {
		if n.Type != "text" || strings.Trim(n.Text, blank) != "" || hasMark(n, "code") {
			continue
		}
		var before, after []Mark
		if i > 0 {
			before = split[i-1].Marks
		}
		if i+1 < len(split) {
			after = split[i+1].Marks
		}
		n.Marks = slices.DeleteFunc(slices.Clone(n.Marks), func(m Mark) bool {
			same := func(o Mark) bool { return o.Type == m.Type && o.href() == m.href() }
			return !slices.ContainsFunc(before, same) || !slices.ContainsFunc(after, same)
		})
	}
	return split
}

var address = regexp.MustCompile(`https?://[^\s<>"` + "`" + `|\\^{}\x00-\x20]+`)

// linkify makes links of addresses that stand in texts.
func linkify(nodes []*Node) []*Node {
	var all []*Node
	for _, n := range nodes {
		if n.Type != "text" || hasMark(n, "link") || hasMark(n, "code") || !strings.Contains(n.Text, "://") {
			all = append(all, n)
			continue
		}
		at := 0
		for _, found := range address.FindAllStringIndex(n.Text, -1) {
			found[1] = found[0] + len(trimAddress(n.Text[found[0]:found[1]]))
			href := n.Text[found[0]:found[1]]
			if cleanAddress(href) != href || strings.HasSuffix(href, "://") {
				continue
			}
			if found[0] > at {
				all = append(all, text(n.Text[at:found[0]], n.Marks...))
			}
			all = append(all, text(href, append([]Mark{linkMark(href)}, n.Marks...)...))
			at = found[1]
		}
		if at < len(n.Text) {
			all = append(all, text(n.Text[at:], n.Marks...))
		}
	}
	return all
}

// trimAddress takes off what ends the sentence, not the address.
func trimAddress(s string) string {
	unclosed := strings.Count(s, "(") - strings.Count(s, ")")
	for s != "" {
		last := s[len(s)-1]
		switch {
		case last == ')' && unclosed >= 0:
			return s
		case last == ')':
			unclosed++
		case strings.IndexByte(".,;:!?]*_~'", last) < 0:
			return s
		}
		s = s[:len(s)-1]
	}
	return s
}
