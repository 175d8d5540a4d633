package rules

import (
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"unicode"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/gohcl"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/rules/guarded"
)

// A catalog has the connectors, and so the record types that can be named.
type catalog struct {
	systems    map[string]connectors.System
	connectors map[string]*connectorDecl
}

// A connectorReader reads the connector blocks into a catalog.
type connectorReader struct {
	*findings
	read *decoder
	into *catalog
}

// A connectorDecl is a connector block.
type connectorDecl struct {
	at     hcl.Range
	result *Connector
}

// The attributes that a connector of every type has; index_lag only where the
// system's search lags.
var commonAttributes = []string{"poll_interval", "rate_limit", "settle", "webhook_secret"}

const indexLag = "index_lag"

// decodeConnectors reads the connector blocks. Their names are unique across
// types, for a webhook's path and a state table's column have only the name.
func (l *connectorReader) decodeConnectors(blocks []*hclsyntax.Block) {
	for _, b := range blocks {
		kind, name := b.Labels[0], b.Labels[1]
		if first, ok := l.into.connectors[name]; ok {
			l.duplicate(b.LabelRanges[1], first.at, "connector "+quote(name), "Names of connectors are unique across types.")
			continue
		}
		decl := &connectorDecl{at: b.DefRange(), result: &Connector{Name: name, System: connectors.System{Type: kind}}}
		l.into.connectors[name] = decl
		system, ok := l.into.systems[kind]
		if !ok {
			l.err(b.LabelRanges[0], "unknown connector type "+quote(kind), suggest(kind, sortedKeys(l.into.systems), "connector type"))
			decl.result = nil
			continue
		}
		decl.result.System = system
		if _, taken := l.into.systems[name]; taken && name != kind {
			l.err(b.LabelRanges[1], "a connector cannot be called like a connector type", "In a state table "+quote(name)+" is the column of that type. Choose another name.")
		}
		l.decodeConnector(b, decl.result)
	}
}

func (l *connectorReader) decodeConnector(b *hclsyntax.Block, c *Connector) {
	settings := newSettings(c.System)
	schema, _ := gohcl.ImpliedBodySchema(settings)
	own := make([]string, 0, len(schema.Attributes))
	for _, a := range schema.Attributes {
		own = append(own, a.Name)
	}
	nested := make([]string, 0, len(schema.Blocks))
	for _, n := range schema.Blocks {
		nested = append(nested, n.Type)
	}
	common := slices.Clone(commonAttributes)
	if c.System.Defaults.IndexLag > 0 {
		common = append(common, indexLag)
	}
	in := l.read.content(b.Body, b.DefRange(), quote(c.System.Type)+" connector", slices.Concat(own, common), nested)
	l.read.onlyOnce(in, nested...)
	l.decodeCommon(in, c)

	before := l.errors()
	var required []string
	for _, a := range schema.Attributes {
		if a.Required {
			required = append(required, a.Name)
		}
	}
	reduced := l.settingsBody(in, b.Body, own, required, nested)
	for _, name := range required {
		if reduced.Attributes[name] == nil {
			l.read.missing(b.DefRange(), quote(c.System.Type)+" connector", name)
		}
	}
	for i, inner := range reduced.Blocks {
		reduced.Blocks[i] = l.nestedSettings(inner, reflect.TypeOf(settings).Elem())
	}
	if l.errors() > before {
		return
	}
	l.fill(reflect.ValueOf(settings).Elem(), reduced)
	if l.errors() > before {
		return
	}
	c.Settings = settings
	nameSettings(l.read.scope, b, "", c)
	l.checkEncrypted(reduced)
	var wrong []connectors.SettingError
	if c.System.Check != nil {
		wrong = c.System.Check(settings)
	}
	if c.System.CheckCommon != nil {
		wrong = append(wrong, c.System.CheckCommon(c.Common)...)
	}
	for _, mistake := range wrong {
		if a := settingAttribute(b, mistake.Attribute); a != nil && l.read.unset(a) {
			continue // what it is made of is not known here
		}
		l.err(settingRange(b, mistake.Attribute), mistake.Summary, mistake.Detail)
	}
}

// checkEncrypted warns of addresses of systems that show credentials to the network.
func (l *connectorReader) checkEncrypted(settings *hclsyntax.Body) {
	for _, a := range attributesOf(settings) {
		v, ok := l.read.scope.eval(a.Expr)
		if v, _ = plain(v); !ok || !v.IsKnown() || v.IsNull() || v.Type() != cty.String {
			continue
		}
		address, err := url.Parse(v.AsString())
		if err != nil || !strings.EqualFold(address.Scheme, "http") || address.Hostname() == "" || isLocalHost(address.Hostname()) {
			continue
		}
		l.warn(a.Expr.Range(), "credentials are sent unencrypted", "Whoever is on the way to this address can read them, and all records. Write https://.")
	}
}

// newSettings returns an empty settings struct of a system.
func newSettings(s connectors.System) any {
	if s.Settings == nil {
		return &struct{}{}
	}
	return s.Settings()
}

// decodeCommon reads the settings that every connector has.
func (l *connectorReader) decodeCommon(in bodyContent, c *Connector) {
	c.Common = c.System.Defaults
	c.Common.PollInterval = l.read.duration(in.attr("poll_interval"), c.Common.PollInterval, pollSpan)
	c.Common.Settle = l.read.duration(in.attr("settle"), c.Common.Settle, waitSpan)
	c.Common.IndexLag = l.read.duration(in.attr(indexLag), c.Common.IndexLag, waitSpan)
	if a, least := in.attr("settle"), c.System.WriteTimeout; a != nil && c.Common.Settle > 0 && c.Common.Settle <= least {
		l.warn(a.Expr.Range(), fmt.Sprintf("settle is not longer than a write to %s may take", c.System.Type),
			fmt.Sprintf("The answer to a write is waited for up to %s. What is sent again before that can be done twice: write a longer one, or leave it out for %s.", seconds(least), seconds(c.System.Defaults.Settle)))
	}
	const mostRequests = 1_000_000 // a minute
	if n, ok := l.read.integer(in.attr("rate_limit"), mostRequests, fmt.Sprintf("It is in requests a minute; the default is %d.", c.System.Defaults.RateLimit)); ok {
		c.Common.RateLimit = n
	}
	c.Common.WebhookSecret = connectors.Secret(l.read.str(in.attr("webhook_secret")).Reveal())
}

// settingsBody returns what of a body the system's settings take. An attribute that
// is null is as good as not written.
func (l *connectorReader) settingsBody(in bodyContent, body *hclsyntax.Body, own, required, nested []string) *hclsyntax.Body {
	reduced := &hclsyntax.Body{
		Attributes: hclsyntax.Attributes{}, SrcRange: body.SrcRange, EndRange: body.EndRange,
	}
	for _, name := range own {
		a := in.attr(name)
		if a == nil {
			continue
		}
		if v, ok := l.read.scope.eval(a.Expr); ok {
			v, sensitive := plain(v)
			if v.IsKnown() && v.IsNull() {
				continue
			}
			if v.Type() == cty.String && v.IsKnown() {
				l.checkSetting(a, guarded.New(v.AsString(), sensitive), slices.Contains(required, name))
			}
		}
		reduced.Attributes[name] = a
	}
	for _, name := range nested {
		if b := in.block(name); b != nil {
			reduced.Blocks = append(reduced.Blocks, b)
		}
	}
	return reduced
}

// fill puts the attributes and blocks of a body into a system's settings, by the names in
// their tags. All attributes are texts.
func (l *connectorReader) fill(settings reflect.Value, body *hclsyntax.Body) {
	for i := range settings.NumField() {
		name, kind, _ := strings.Cut(settings.Type().Field(i).Tag.Get("hcl"), ",")
		into := settings.Field(i)
		if kind == "block" {
			for _, b := range body.Blocks {
				if b.Type == name {
					l.fill(settable(into), b.Body)
				}
			}
			continue
		}
		if a := body.Attributes[name]; a != nil {
			if s, ok := l.read.given(a); ok {
				settable(into).SetString(s.Reveal())
			}
		}
	}
}

// settable returns what a field holds, made if it is a pointer to nothing.
func settable(v reflect.Value) reflect.Value {
	if v.Kind() != reflect.Pointer {
		return v
	}
	if v.IsNil() {
		v.Set(reflect.New(v.Type().Elem()))
	}
	return v.Elem()
}

// checkSetting reports what no system takes. What is empty may come from env() in an
// offline command, and then counts as set.
func (l *connectorReader) checkSetting(a *hclsyntax.Attribute, s guarded.String, required bool) {
	switch {
	case s.Empty() && !s.Sensitive():
		l.err(a.Expr.Range(), a.Name+" is empty", "Write its value, or leave it out if it can be left out.")
	case s.Empty() && required && !l.read.scope.offline:
		l.err(a.Expr.Range(), a.Name+" is empty", "What it is read from holds nothing.")
	case strings.ContainsFunc(s.Reveal(), unicode.IsControl):
		l.err(a.Expr.Range(), a.Name+" holds a line break, or another control character", "It would break the header or the address that it is a part of. At the end of a file or of a variable: trimspace(…) takes it away.")
	}
}

// nestedSettings checks a block within a connector block against the struct
// that it fills, and returns it without attributes that are null.
func (l *connectorReader) nestedSettings(b *hclsyntax.Block, parent reflect.Type) *hclsyntax.Block {
	var attrs, required []string
	for i := range parent.NumField() {
		name, kind, _ := strings.Cut(parent.Field(i).Tag.Get("hcl"), ",")
		if kind != "block" || name != b.Type {
			continue
		}
		inner := parent.Field(i).Type
		for inner.Kind() == reflect.Pointer || inner.Kind() == reflect.Slice {
			inner = inner.Elem()
		}
		schema, _ := gohcl.ImpliedBodySchema(reflect.New(inner).Interface())
		for _, a := range schema.Attributes {
			attrs = append(attrs, a.Name)
			if a.Required {
				required = append(required, a.Name)
			}
		}
	}
	in := l.read.content(b.Body, b.DefRange(), b.Type+" block", attrs, nil)
	copied := *b
	copied.Body = l.settingsBody(in, b.Body, attrs, required, nil)
	for _, name := range required {
		if copied.Body.Attributes[name] == nil {
			l.read.missing(b.DefRange(), b.Type+" block", name)
		}
	}
	return &copied
}

// settingRange returns the place of an attribute that a system finds fault with,
// the block itself if it is not written. A dot leads into a nested block.
func settingRange(b *hclsyntax.Block, attribute string) hcl.Range {
	if a := settingAttribute(b, attribute); a != nil {
		return a.Expr.Range()
	}
	outer, _, _ := strings.Cut(attribute, ".")
	for _, block := range b.Body.Blocks {
		if block.Type == outer {
			return block.DefRange()
		}
	}
	return b.DefRange()
}

// settingAttribute returns an attribute by its name in a SettingError; nil: it is not
// written.
func settingAttribute(b *hclsyntax.Block, attribute string) *hclsyntax.Attribute {
	outer, inner, nested := strings.Cut(attribute, ".")
	if !nested {
		return b.Body.Attributes[outer]
	}
	for _, block := range b.Body.Blocks {
		if block.Type == outer {
			return settingAttribute(block, inner)
		}
	}
	return nil
}

// nameSettings remembers where a block's attributes come from.
func nameSettings(scope *evaluator, b *hclsyntax.Block, prefix string, c *Connector) {
	if c.settings == nil {
		c.settings = map[string]string{}
	}
	for name, a := range b.Body.Attributes {
		name = prefix + name
		if from := environmentOf(scope, a.Expr, map[string]bool{}); from != "" {
			c.settings[name] = from
		} else {
			c.settings[name] = name + " (" + position(a.NameRange) + ")"
		}
	}
	for _, inner := range b.Body.Blocks {
		nameSettings(scope, inner, prefix+inner.Type+".", c)
	}
}
