package incidentio

import (
	"strings"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/values"
)

// CanTransition reports whether the API takes the move of an incident to the status,
// or to a status of the category in "category:NAME"; and of a follow-up to any
// status but deleted, which is a way of deleting.
//
// Of an incident it takes moves within a category, from triage and live to
// learning and closed, and from learning to closed (the vendor's description
// of incident_status_id in IncidentEditPayloadV2); paused is taken for live,
// of which it is a part in the app. Nothing leads back to live, and closed,
// declined, canceled and merged are ends. Where a category is not known, the
// API decides.
func (c *Connector) CanTransition(record connectors.Record, to string) bool {
	if record.Ref.Record == followUpRecord {
		return to != deleted && values.TextAt(record.Fields, "status") != deleted
	}
	status := values.ObjectAt(record.Fields, "incident_status")
	from := values.TextAt(status, "category")
	target, isCategory := strings.CutPrefix(to, categoryPrefix)
	if !isCategory {
		if to == values.TextAt(status, "name") {
			return true
		}
		target = c.categoryOf(to)
	}
	return mayMove(from, target)
}

// categoryOf is a status's category, as far as it was read; "": it was not.
func (c *Connector) categoryOf(status string) string {
	statuses := c.directories.Last(directories()["incident/incident_status"].key())
	if statuses == nil {
		return ""
	}
	if found := matching(statuses.All, status); len(found) == 1 {
		return found[0].Category
	}
	return ""
}

func mayMove(from, to string) bool {
	if from == "" || to == "" || from == to {
		return true
	}
	switch from {
	case "triage", "live", "paused":
		switch to {
		case "triage", "live", "paused", "declined", "canceled", "merged":
			return false
		}
		return true
	case "learning":
		switch to {
		case "triage", "live", "paused", "declined", "canceled", "merged", "learning":
			return false
		}
		return true
	case "closed", "declined", "canceled", "merged":
		return false
	}
	return true // a category that the vendor added
}
