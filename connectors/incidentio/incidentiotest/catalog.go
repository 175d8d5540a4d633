package incidentiotest

import (
	"net/http"
	"slices"
)

// The catalog, as far as custom fields point into it.

// A CatalogEntry is an entry of the catalog.
type CatalogEntry struct {
	ID         string   `json:"id"`
	Name       string   `json:"name"`
	ExternalID string   `json:"external_id,omitempty"`
	Aliases    []string `json:"aliases,omitempty"`
}

// AddCatalogField adds a custom field, single_select or multi_select, whose
// options are the entries of a catalog type. Entries without an id get one.
func (s *Server) AddCatalogField(name, fieldType string, entries ...CatalogEntry) CustomField {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addCustomField(name, fieldType)
	f := &s.fields[len(s.fields)-1]
	f.CatalogTypeID = s.newID()
	for _, entry := range entries {
		if entry.ID == "" {
			entry.ID = s.newID()
		}
		f.Catalog = append(f.Catalog, entry)
	}
	return *f
}

// entryOf finds what value_catalog_entry_id names: an id, an external id or an
// alias; people also pick by name.
func entryOf(catalog []CatalogEntry, value string) *CatalogEntry {
	return find(catalog, func(e CatalogEntry) bool {
		return e.ID == value || e.ExternalID == value || e.Name == value || slices.Contains(e.Aliases, value)
	})
}

func (s *Server) listCatalogEntries(c *call) (answer, *problem) {
	id := c.query.Get("catalog_type_id")
	if id == "" || c.query.Get("page_size") == "" {
		return answer{}, invalid("catalog_type_id", "is_required", "catalog_type_id and page_size are required")
	}
	f := find(s.fields, func(f CustomField) bool { return f.CatalogTypeID == id })
	if f == nil {
		return answer{}, notFound()
	}
	found, meta, p := page(c, f.Catalog, func(e CatalogEntry) string { return e.ID }, largestPage)
	if p != nil {
		return answer{}, p
	}
	shown := []any{}
	for i, e := range found {
		aliases := e.Aliases
		if aliases == nil {
			aliases = []string{}
		}
		shown = append(shown, map[string]any{
			"id": e.ID, "name": e.Name, "external_id": e.ExternalID, "aliases": aliases, "catalog_type_id": id,
			"rank": i, "attribute_values": map[string]any{}, "created_at": f.CreatedAt, "updated_at": f.UpdatedAt,
		})
	}
	return reply(http.StatusOK, map[string]any{
		"catalog_entries": shown, "pagination_meta": meta,
		"catalog_type": map[string]any{"id": id, "name": f.Name},
	}), nil
}

// Priorities are the priorities of follow-ups, of which the API has no list.
func (s *Server) Priorities() []Priority {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.priorities)
}
