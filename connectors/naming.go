package connectors

import (
	"context"
	"net/url"
	"strings"
)

// A NameFinder finds records by what people call them.
type NameFinder interface {
	Connector

	// FindByName returns the records of the collections, all of this connector's, that
	// a person may mean by name: a number or key in any case, an id, or the address of
	// the record's page. Each is as Read returns it, and so says whether it is
	// private. What cannot be a name of this system, and the page of another site,
	// finds nothing, and the system is not asked.
	FindByName(ctx context.Context, name string, in []Collection) ([]Record, error)
}

// ParsePage reads the address of a page, as people copy it out of a browser; nil
// where name is something else.
func ParsePage(name string) *url.URL {
	if !strings.HasPrefix(name, "https://") && !strings.HasPrefix(name, "http://") {
		return nil
	}
	page, err := url.Parse(name)
	if err != nil || page.Host == "" {
		return nil
	}
	return page
}

// OnSite reports whether a page is below the address of a site; nothing is below an
// empty one.
func OnSite(page *url.URL, site string) bool {
	at, err := url.Parse(site)
	if err != nil || at.Host == "" || !strings.EqualFold(page.Host, at.Host) {
		return false
	}
	below := strings.TrimSuffix(at.Path, "/")
	return page.Path == below || strings.HasPrefix(page.Path, below+"/")
}

// PathParts are the parts of a page's path that are not empty.
func PathParts(page *url.URL) []string {
	return strings.FieldsFunc(page.Path, func(r rune) bool { return r == '/' })
}

// ReadNamed reads what a name may be the ref of; refs of which there is no record
// are left out.
func ReadNamed(ctx context.Context, c Connector, refs ...Ref) ([]Record, error) {
	var found []Record
	for _, ref := range refs {
		record, err := c.Read(ctx, ref)
		if class, known := ClassOf(err); known && class == ClassGone {
			continue
		}
		if err != nil {
			return nil, err
		}
		found = append(found, record)
	}
	return found, nil
}
