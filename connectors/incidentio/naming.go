package incidentio

import (
	"context"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/lockstep-sync/lockstep/connectors"
)

var (
	reference = regexp.MustCompile(`^(?i:INC)-0*([0-9]{1,18})$`)
	// recordID is a ULID, as all ids of the API are.
	recordID = regexp.MustCompile(`^(?i)[0-7][0-9A-HJKMNP-TV-Z]{25}$`)
)

// dashboard is where people open incidents.
const dashboard = "incident.io"

// FindByName finds an incident by its reference, INC-12, an incident or a follow-up
// by its id, and both by an address of the dashboard: …/incidents/12 and what is
// below it, …/follow-ups/ID. The API takes the number of a reference for an id.
func (c *Connector) FindByName(ctx context.Context, name string, in []connectors.Collection) ([]connectors.Record, error) {
	takes := func(record string) bool { return slices.Contains(in, c.collection(record)) }
	page := connectors.ParsePage(name)
	if page != nil {
		return c.findByPage(ctx, page, takes)
	}
	if m := reference.FindStringSubmatch(name); m != nil && takes(incidentRecord) {
		return c.findByNumber(ctx, m[1], func(r connectors.Record) bool { return strings.EqualFold(r.Number, "INC-"+m[1]) })
	}
	if !recordID.MatchString(name) {
		return nil, nil
	}
	var refs []connectors.Ref
	for _, record := range []string{incidentRecord, followUpRecord} {
		if takes(record) {
			refs = append(refs, c.collection(record).Ref(strings.ToUpper(name)))
		}
	}
	return connectors.ReadNamed(ctx, c, refs...)
}

// findByPage finds what a page of the dashboard shows.
func (c *Connector) findByPage(ctx context.Context, page *url.URL, takes func(record string) bool) ([]connectors.Record, error) {
	host := strings.ToLower(page.Hostname())
	if host != dashboard && !strings.HasSuffix(host, "."+dashboard) {
		return nil, nil
	}
	if _, id := shown(page, "follow-ups", "follow_ups"); id != "" {
		if !takes(followUpRecord) || !recordID.MatchString(id) {
			return nil, nil
		}
		return connectors.ReadNamed(ctx, c, c.collection(followUpRecord).Ref(strings.ToUpper(id)))
	}
	before, id := shown(page, "incidents")
	switch {
	case !takes(incidentRecord):
		return nil, nil
	case recordID.MatchString(id):
		return connectors.ReadNamed(ctx, c, c.collection(incidentRecord).Ref(strings.ToUpper(id)))
	case id == "" || !isNumber(id):
		return nil, nil
	}
	return c.findByNumber(ctx, id, func(r connectors.Record) bool {
		of := ""
		if own := connectors.ParsePage(r.URL); own != nil {
			of, _ = shown(own, "incidents")
		}
		return before == "" || of == "" || strings.EqualFold(before, of)
	})
}

// shown is what a page shows of a kind of record, and what its path has before
// that: the name of the account, which not all addresses have.
func shown(page *url.URL, kinds ...string) (before, id string) {
	parts := connectors.PathParts(page)
	for i := range max(0, len(parts)-1) {
		if slices.Contains(kinds, parts[i]) {
			return strings.Join(parts[:i], "/"), parts[i+1]
		}
	}
	return "", ""
}

// findByNumber reads the incident of a number, if it is the one that is meant.
func (c *Connector) findByNumber(ctx context.Context, number string, meant func(connectors.Record) bool) ([]connectors.Record, error) {
	found, err := connectors.ReadNamed(ctx, c, c.collection(incidentRecord).Ref(number))
	return slices.DeleteFunc(found, func(r connectors.Record) bool { return !meant(r) }), err
}
