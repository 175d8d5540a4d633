package incidentio

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"slices"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
)

const (
	// timelineShare is the part of the rate budget that goes to timelines.
	timelineShare = 10
	// fewestTimelines are read in a poll, however small the budget is.
	fewestTimelines = 5
	// mostTimelines bounds the cursor; of more live incidents, the sweep finds what
	// is new.
	mostTimelines = 5000
)

// timelines is what the poll knows of the timelines of live incidents: no event
// tells of an item, and no list holds those of more than one incident. Each is
// read in its turn.
type timelines struct {
	Timelines    map[string]string `json:"timelines"`                // digests of what people wrote there, by incident; nil: none was read
	LastTimeline string            `json:"timelines_last,omitempty"` // the incident that was read last
}

// timelinesAPoll is how many timelines a poll may read.
func timelinesAPoll(common connectors.Common) int {
	if common.RateLimit == 0 {
		common.RateLimit = defaultRateLimit
	}
	if common.PollInterval == 0 {
		common.PollInterval = defaultPollInterval
	}
	return max(fewestTimelines, int(float64(common.RateLimit)*common.PollInterval.Minutes()/timelineShare))
}

// newItems names the live incidents on whose timelines people have written since
// they were read last. At the baseline, none.
func (c *Connector) newItems(ctx context.Context, last timelines, baseline bool) ([]connectors.Ref, timelines, error) {
	live, err := c.liveIncidents(ctx)
	if err != nil {
		return nil, last, err
	}
	next := timelines{Timelines: map[string]string{}, LastTimeline: last.LastTimeline}
	for _, id := range live {
		if digest, known := last.Timelines[id]; known {
			next.Timelines[id] = digest
		}
	}
	var changed []connectors.Ref
	for _, id := range turn(live, last.LastTimeline, c.timelinesAPoll) {
		ref := c.collection(incidentRecord).Ref(id)
		digest, err := c.timelineDigest(ctx, ref)
		if connectors.IsClass(err, connectors.ClassGone) {
			continue // it is not live any more, or not shown to this key
		}
		if err != nil {
			return nil, last, err
		}
		if before := next.Timelines[id]; digest != before && !baseline {
			changed = append(changed, ref)
		}
		next.Timelines[id], next.LastTimeline = digest, id
	}
	return changed, next, nil
}

// turn are the ids that follow the last, from the beginning again behind the end.
func turn(ids []string, last string, most int) []string {
	at, found := slices.BinarySearch(ids, last)
	if found {
		at++
	}
	return slices.Concat(ids[at:], ids[:at])[:min(most, len(ids))]
}

// liveIncidents are the ids of those incidents on which people work, in order.
func (c *Connector) liveIncidents(ctx context.Context) ([]string, error) {
	list := listing{op: "poll items", record: c.collection(incidentRecord).String(), paged: true, path: "/v2/incidents", member: "incidents", query: url.Values{
		"status_category[one_of]": {"triage", "live", "paused"}, "mode[one_of]": allModes(), "sort_by": {"created_at_newest_first"},
	}}
	var ids []string
	for element, err := range c.list(ctx, list) {
		if err != nil {
			return nil, err
		}
		var row struct {
			ID string `json:"id"`
		}
		if json.Unmarshal(element, &row) != nil || row.ID == "" {
			return nil, c.unlisted(list, "an element has no id")
		}
		if ids = append(ids, row.ID); len(ids) == mostTimelines {
			break
		}
	}
	slices.Sort(ids)
	return ids, nil
}

// timelineDigest is the same for as long as people add nothing to a timeline; ""
// where there is nothing of theirs.
func (c *Connector) timelineDigest(ctx context.Context, incident connectors.Ref) (string, error) {
	items, err := c.entries(ctx, incident, incident.ID, timelineKind)
	if err != nil {
		return "", err
	}
	var ids []string
	for _, one := range items {
		if one.Marker == "" {
			ids = append(ids, one.ID+"\x00"+one.At.Format(time.RFC3339Nano))
		}
	}
	if len(ids) == 0 {
		return "", nil
	}
	slices.Sort(ids)
	hash := sha256.New()
	for _, id := range ids {
		hash.Write([]byte(id + "\x00"))
	}
	return base64.RawURLEncoding.EncodeToString(hash.Sum(nil)[:9]), nil
}
