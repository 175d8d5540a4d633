package servicenow

import (
	"context"
	"net/url"
	"regexp"
	"strings"

	"github.com/lockstep-sync/lockstep/connectors"
)

var (
	// recordNumber is what people call a record: INC0010001, RITM0010001.
	recordNumber = regexp.MustCompile(`^[A-Za-z][A-Za-z_]{1,19}[0-9]{3,19}$`)
	sysID        = regexp.MustCompile(`^[0-9a-fA-F]{32}$`)
)

// fewRows is how many rows are asked for where one is expected: a condition on a
// column that the table does not have is dropped, and all rows come back.
const fewRows = 10

// FindByName finds a record by its number or its sys_id, in each of the tables, and
// by the address of its form: within the frame (nav_to.do, now/nav), without it
// (incident.do), or in a workspace.
func (c *Connector) FindByName(ctx context.Context, name string, in []connectors.Collection) ([]connectors.Record, error) {
	table := "" // any
	if page := connectors.ParsePage(name); page != nil {
		if !connectors.OnSite(page, c.base) {
			return nil, nil
		}
		table, name = c.shownOn(page)
	}
	byNumber := recordNumber.MatchString(name)
	if !byNumber && !sysID.MatchString(name) {
		return nil, nil
	}
	var all []connectors.Record
	seen := map[string]bool{} // one record may be seen through the table that its own extends
	for _, collection := range in {
		if collection.Type != Type || collection.Connector != c.name || table != "" && collection.Record != table {
			continue
		}
		var found []connectors.Record
		var err error
		if byNumber {
			found, err = c.findByNumber(ctx, collection, strings.ToUpper(name))
		} else {
			found, err = connectors.ReadNamed(ctx, c, collection.Ref(strings.ToLower(name)))
		}
		if err != nil {
			return nil, err
		}
		for _, record := range found {
			if !seen[record.Ref.ID] {
				seen[record.Ref.ID] = true
				all = append(all, record)
			}
		}
	}
	return all, nil
}

// findByNumber looks in one table. Numbers need not be unique.
func (c *Connector) findByNumber(ctx context.Context, in connectors.Collection, number string) ([]connectors.Record, error) {
	rows, _, err := c.first(ctx, query{
		op: "find", record: in.String(), table: in.Record, where: "number=" + number + oldestFirst, limit: fewRows,
	})
	if err != nil {
		return nil, err
	}
	var found []connectors.Record
	for _, row := range rows {
		if !strings.EqualFold(row.text("number"), number) {
			continue
		}
		record, err := c.record("find", in, row)
		if err != nil {
			return nil, err
		}
		found = append(found, record)
	}
	return found, nil
}

// shownOn is the table and the number or sys_id of the record that a page shows;
// empty: it shows none.
func (c *Connector) shownOn(page *url.URL) (table, name string) {
	parts := connectors.PathParts(page)
	if uri := page.Query().Get("uri"); uri != "" { // nav_to.do
		return formOf(uri)
	}
	for i, part := range parts {
		switch {
		case part == "target" && i+1 < len(parts): // now/nav/ui/classic/params/target/FORM, encoded
			return formOf(strings.Join(parts[i+1:], "/"))
		case part == "record" && i+2 < len(parts) && tableName.MatchString(parts[i+1]) && sysID.MatchString(parts[i+2]):
			return parts[i+1], parts[i+2]
		}
	}
	if len(parts) == 0 {
		return "", ""
	}
	return formOf(parts[len(parts)-1] + "?" + page.RawQuery)
}

// formOf reads TABLE.do?sys_id=ID, and TABLE.do?sysparm_query=number=NUMBER.
func formOf(address string) (table, name string) {
	form, err := url.Parse(strings.TrimPrefix(address, "/"))
	if err != nil {
		return "", ""
	}
	table, isForm := strings.CutSuffix(form.Path, ".do")
	if !isForm || !tableName.MatchString(table) {
		return "", ""
	}
	if name = form.Query().Get("sys_id"); name == "" {
		name = strings.TrimPrefix(form.Query().Get("sysparm_query"), "number=")
	}
	return table, name
}
