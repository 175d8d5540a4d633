package jiratest

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// ValidDocument reports why Jira would refuse a document, decoded from JSON; nil: it
// takes it. What counts is Atlassian's published shape of the document: node
// types, what each may hold, attributes and marks, nothing beside them.
func ValidDocument(value any) error {
	doc, ok := value.(map[string]any)
	if !ok {
		return errors.New("the document is no object")
	}
	if doc["type"] != "doc" {
		return errors.New("the document's type is not doc")
	}
	if version, ok := number(doc["version"]); !ok || version != 1 {
		return errors.New("the document's version is not 1")
	}
	if err := onlyMembers("doc", doc, "type", "version", "content"); err != nil {
		return err
	}
	g := shapes()
	return g.validContent("doc", doc, g["doc"])
}

// A grammar has the shapes of the nodes that Jira takes, by their type.
type grammar map[string]shape

// A shape is what a node may be.
type shape struct {
	children []string // in any order
	first    []string // of the first child, where that is narrower
	least    int      // children
	most     int      // children; 0: any number
	leaf     bool     // no content member
	attrs    map[string]func(any) bool
	required []string // attributes
	marks    []string
	nested   []string // marks of texts below, where they are narrower
}

func shapes() grammar {
	inline := []string{"text", "hardBreak", "mention", "emoji", "date", "status", "inlineCard", "mediaInline", "inlineExtension", "placeholder"}
	media := []string{"mediaSingle", "mediaGroup"}
	lists := []string{"bulletList", "orderedList", "taskList"}
	block := slices.Concat([]string{
		"paragraph", "heading", "codeBlock", "blockquote", "rule", "panel", "table", "decisionList", "blockCard", "embedCard", "extension",
	}, media, lists)
	top := slices.Concat(block, []string{"expand", "layoutSection", "bodiedExtension"})
	cell := slices.Concat(slices.DeleteFunc(slices.Clone(block), func(s string) bool { return s == "table" }), []string{"nestedExpand"})
	id := map[string]func(any) bool{"localId": isString}
	with := func(more map[string]func(any) bool) map[string]func(any) bool {
		all := map[string]func(any) bool{"localId": isString}
		maps.Copy(all, more)
		return all
	}
	cellAttrs := map[string]func(any) bool{
		"colspan": isNumber, "rowspan": isNumber, "background": isString, "localId": isString,
		"colwidth": func(v any) bool { _, ok := v.([]any); return ok },
	}
	return grammar{
		"doc":          {children: top},
		"paragraph":    {children: inline, attrs: id, marks: []string{"alignment", "indentation"}},
		"heading":      {children: inline, attrs: with(map[string]func(any) bool{"level": between(1, 6)}), required: []string{"level"}, marks: []string{"alignment", "indentation"}},
		"bulletList":   {children: []string{"listItem"}, least: 1, attrs: id},
		"orderedList":  {children: []string{"listItem"}, least: 1, attrs: with(map[string]func(any) bool{"order": between(0, math.MaxInt32)})},
		"listItem":     {children: slices.Concat([]string{"paragraph", "codeBlock", "mediaSingle", "extension"}, lists), first: []string{"paragraph", "codeBlock", "mediaSingle", "extension"}, least: 1, attrs: id},
		"taskList":     {children: []string{"taskItem", "taskList", "blockTaskItem"}, first: []string{"taskItem", "blockTaskItem"}, least: 1, attrs: id, required: []string{"localId"}},
		"taskItem":     {children: inline, attrs: with(map[string]func(any) bool{"state": oneOf("TODO", "DONE")}), required: []string{"localId", "state"}},
		"decisionList": {children: []string{"decisionItem"}, least: 1, attrs: id, required: []string{"localId"}},
		"decisionItem": {children: inline, attrs: with(map[string]func(any) bool{"state": isString}), required: []string{"localId", "state"}},
		"codeBlock": {
			children: []string{"text"}, marks: []string{"breakout"}, nested: []string{},
			attrs: with(map[string]func(any) bool{"language": isString, "uniqueId": isString}),
		},
		"blockquote":    {children: slices.Concat([]string{"paragraph", "bulletList", "orderedList", "codeBlock", "extension"}, media), least: 1, attrs: id},
		"panel":         {children: slices.Concat([]string{"paragraph", "heading", "codeBlock", "rule", "blockCard", "decisionList", "extension"}, media, lists), least: 1, attrs: with(map[string]func(any) bool{"panelType": oneOf("info", "note", "tip", "warning", "error", "success", "custom"), "panelIcon": isString, "panelIconId": isString, "panelIconText": isString, "panelColor": isString}), required: []string{"panelType"}},
		"rule":          {leaf: true, attrs: id},
		"expand":        {children: slices.Concat(block, []string{"nestedExpand"}), least: 1, attrs: with(map[string]func(any) bool{"title": isString}), marks: []string{"breakout"}},
		"nestedExpand":  {children: slices.Concat([]string{"paragraph", "heading", "codeBlock", "blockquote", "rule", "panel", "decisionList", "extension"}, media, lists), least: 1, attrs: with(map[string]func(any) bool{"title": isString})},
		"layoutSection": {children: []string{"layoutColumn"}, least: 1, most: 5, attrs: id, marks: []string{"breakout"}},
		"layoutColumn":  {children: top, attrs: with(map[string]func(any) bool{"width": isNumber}), required: []string{"width"}},
		"table": {
			children: []string{"tableRow"}, least: 1, marks: []string{"fragment"},
			attrs: with(map[string]func(any) bool{"displayMode": isString, "isNumberColumnEnabled": isBool, "layout": isString, "width": isNumber}),
		},
		"tableRow":        {children: []string{"tableCell", "tableHeader"}, least: 1, attrs: id},
		"tableCell":       {children: cell, least: 1, attrs: cellAttrs},
		"tableHeader":     {children: cell, least: 1, attrs: cellAttrs},
		"mediaSingle":     {children: []string{"media", "caption"}, first: []string{"media"}, least: 1, most: 2, attrs: with(map[string]func(any) bool{"layout": isString, "width": isNumber, "widthType": isString}), marks: []string{"link"}},
		"caption":         {children: inline, attrs: id},
		"mediaGroup":      {children: []string{"media"}, least: 1, attrs: id},
		"media":           {leaf: true, attrs: with(map[string]func(any) bool{"type": oneOf("file", "link", "external"), "id": isString, "collection": isString, "url": isString, "alt": isString, "width": isNumber, "height": isNumber, "occurrenceKey": isString}), required: []string{"type"}, marks: []string{"link", "border", "annotation"}},
		"mediaInline":     {leaf: true, attrs: with(map[string]func(any) bool{"type": isString, "id": isString, "collection": isString, "alt": isString, "width": isNumber, "height": isNumber, "occurrenceKey": isString, "data": isAny}), required: []string{"id", "collection"}, marks: []string{"link", "border", "annotation"}},
		"blockCard":       {leaf: true, attrs: with(map[string]func(any) bool{"url": isString, "data": isAny, "datasource": isAny, "width": isNumber, "layout": isString})},
		"embedCard":       {leaf: true, attrs: with(map[string]func(any) bool{"url": isString, "layout": isString, "width": isNumber, "originalHeight": isNumber, "originalWidth": isNumber}), required: []string{"url", "layout"}},
		"extension":       {leaf: true, attrs: with(map[string]func(any) bool{"extensionKey": isString, "extensionType": isString, "parameters": isAny, "text": isString, "layout": isString}), required: []string{"extensionKey", "extensionType"}, marks: []string{"dataConsumer", "fragment"}},
		"bodiedExtension": {children: block, least: 1, attrs: with(map[string]func(any) bool{"extensionKey": isString, "extensionType": isString, "parameters": isAny, "text": isString, "layout": isString}), required: []string{"extensionKey", "extensionType"}, marks: []string{"dataConsumer", "fragment"}},
		"hardBreak":       {leaf: true, attrs: with(map[string]func(any) bool{"text": oneOf("\n")})},
		"mention":         {leaf: true, attrs: with(map[string]func(any) bool{"id": isString, "text": isString, "accessLevel": isString, "userType": isString}), required: []string{"id"}, marks: []string{"annotation"}},
		"emoji":           {leaf: true, attrs: with(map[string]func(any) bool{"shortName": isString, "id": isString, "text": isString}), required: []string{"shortName"}, marks: []string{"annotation"}},
		"date":            {leaf: true, attrs: with(map[string]func(any) bool{"timestamp": func(v any) bool { s, ok := v.(string); return ok && s != "" }}), required: []string{"timestamp"}, marks: []string{"annotation"}},
		"status":          {leaf: true, attrs: with(map[string]func(any) bool{"text": isString, "color": oneOf("neutral", "purple", "blue", "red", "yellow", "green"), "style": isString}), required: []string{"text", "color"}, marks: []string{"annotation"}},
		"inlineCard":      {leaf: true, attrs: with(map[string]func(any) bool{"url": isString, "data": isAny}), marks: []string{"annotation"}},
		"inlineExtension": {leaf: true, attrs: with(map[string]func(any) bool{"extensionKey": isString, "extensionType": isString, "parameters": isAny, "text": isString}), required: []string{"extensionKey", "extensionType"}, marks: []string{"dataConsumer", "fragment"}},
		"placeholder":     {leaf: true, attrs: with(map[string]func(any) bool{"text": isString}), required: []string{"text"}},
	}
}

func isString(v any) bool { _, ok := v.(string); return ok }
func isBool(v any) bool   { _, ok := v.(bool); return ok }
func isNumber(v any) bool { _, ok := number(v); return ok }
func isAny(any) bool      { return true }

func number(v any) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, true
	case int:
		return float64(v), true
	case interface{ Float64() (float64, error) }: // json.Number
		f, err := v.Float64()
		return f, err == nil
	}
	return 0, false
}

func between(low, high float64) func(any) bool {
	return func(v any) bool {
		n, ok := number(v)
		return ok && n >= low && n <= high && n == math.Trunc(n)
	}
}

func oneOf(all ...string) func(any) bool {
	return func(v any) bool { s, ok := v.(string); return ok && slices.Contains(all, s) }
}

func onlyMembers(what string, object map[string]any, allowed ...string) error {
	for name := range object {
		if !slices.Contains(allowed, name) {
			return fmt.Errorf("%s: there is no member %q", what, name)
		}
	}
	return nil
}

func (g grammar) validContent(path string, node map[string]any, s shape) error {
	content, present := node["content"]
	list, ok := content.([]any)
	switch {
	case s.leaf && present:
		return fmt.Errorf("%s: it holds no content", path)
	case s.leaf:
		return nil
	case present && !ok:
		return fmt.Errorf("%s: content is no list", path)
	case !present && (s.least > 0 || path == "doc"):
		return fmt.Errorf("%s: content is missing", path)
	case len(list) < s.least:
		return fmt.Errorf("%s: content has fewer than %d nodes", path, s.least)
	case s.most > 0 && len(list) > s.most:
		return fmt.Errorf("%s: content has more than %d nodes", path, s.most)
	}
	for i, child := range list {
		at := fmt.Sprintf("%s.content[%d]", path, i)
		object, ok := child.(map[string]any)
		if !ok {
			return fmt.Errorf("%s: it is no object", at)
		}
		kind, _ := object["type"].(string)
		allowed := s.children
		if i == 0 && s.first != nil {
			allowed = s.first
		}
		if !slices.Contains(allowed, kind) {
			return fmt.Errorf("%s: a %q has no place there", at, kind)
		}
		if err := g.validNode(at, object, kind, s.nested); err != nil {
			return err
		}
	}
	return nil
}

func (g grammar) validNode(path string, node map[string]any, kind string, textMarks []string) error {
	if kind == "text" {
		return validText(path, node, textMarks)
	}
	s := g[kind]
	if err := onlyMembers(path, node, "type", "attrs", "content", "marks"); err != nil {
		return err
	}
	attrs, present := node["attrs"]
	object, ok := attrs.(map[string]any)
	if present && !ok {
		return fmt.Errorf("%s: attrs is no object", path)
	}
	for name, v := range object {
		check := s.attrs[name]
		if check == nil {
			return fmt.Errorf("%s: a %s has no attribute %q", path, kind, name)
		}
		if !check(v) {
			return fmt.Errorf("%s: attribute %q does not take this value", path, name)
		}
	}
	for _, name := range s.required {
		if _, ok := object[name]; !ok {
			return fmt.Errorf("%s: attribute %q is missing", path, name)
		}
	}
	if _, err := validMarks(path, node, s.marks); err != nil {
		return err
	}
	return g.validContent(path, node, s)
}

// validText holds a text: it is never empty, and code goes with no other mark
// but a link or an annotation.
func validText(path string, node map[string]any, allowed []string) error {
	if err := onlyMembers(path, node, "type", "text", "marks"); err != nil {
		return err
	}
	if s, ok := node["text"].(string); !ok || s == "" {
		return fmt.Errorf("%s: text is empty or missing", path)
	}
	if allowed == nil {
		allowed = []string{"link", "strong", "em", "strike", "code", "underline", "subsup", "textColor", "backgroundColor", "annotation", "border"}
	}
	kinds, err := validMarks(path, node, allowed)
	if err != nil {
		return err
	}
	if slices.Contains(kinds, "code") {
		for _, kind := range kinds {
			if kind != "code" && kind != "link" && kind != "annotation" {
				return fmt.Errorf("%s: code cannot be %s", path, kind)
			}
		}
	}
	return nil
}

func validMarks(path string, node map[string]any, allowed []string) ([]string, error) {
	value, present := node["marks"]
	if !present {
		return nil, nil
	}
	list, ok := value.([]any)
	if !ok {
		return nil, fmt.Errorf("%s: marks is no list", path)
	}
	var kinds []string
	for _, m := range list {
		object, _ := m.(map[string]any)
		kind, _ := object["type"].(string)
		if !slices.Contains(allowed, kind) {
			return nil, fmt.Errorf("%s: the mark %q has no place there", path, kind)
		}
		if slices.Contains(kinds, kind) && kind != "annotation" {
			return nil, fmt.Errorf("%s: the mark %q is there twice", path, kind)
		}
		kinds = append(kinds, kind)
		if err := validMark(path, kind, object); err != nil {
			return nil, err
		}
	}
	return kinds, nil
}

func validMark(path, kind string, mark map[string]any) error {
	if err := onlyMembers(path+": mark "+kind, mark, "type", "attrs"); err != nil {
		return err
	}
	attrs, _ := mark["attrs"].(map[string]any)
	takes := map[string][]string{
		"link": {"href", "title", "id", "collection", "occurrenceKey"}, "textColor": {"color"}, "backgroundColor": {"color"},
		"subsup": {"type"}, "annotation": {"id", "annotationType"}, "border": {"size", "color"}, "alignment": {"align"},
		"indentation": {"level"}, "breakout": {"mode", "width"}, "fragment": {"localId", "name"}, "dataConsumer": {"sources"},
	}[kind]
	for name := range attrs {
		if !slices.Contains(takes, name) {
			return fmt.Errorf("%s: the mark %s has no attribute %q", path, kind, name)
		}
	}
	needed := takes
	if kind == "link" || kind == "breakout" || kind == "fragment" {
		needed = takes[:1]
	}
	for _, name := range needed {
		if _, ok := attrs[name]; !ok {
			return fmt.Errorf("%s: the mark %s needs %q", path, kind, name)
		}
	}
	if kind == "link" {
		if href, ok := attrs["href"].(string); !ok || strings.TrimSpace(href) == "" {
			return fmt.Errorf("%s: a link leads nowhere", path)
		}
	}
	return nil
}
