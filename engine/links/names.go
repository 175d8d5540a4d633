package links

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// A Side is one of the two records of a link, as the place that is written.
type Side string

// The two sides of a link.
const (
	Target Side = "target"
	Source Side = "source"
)

// Other returns the side that a value written to s comes from.
func Other(s Side) Side {
	if s == Source {
		return Target
	}
	return Source
}

// Outbound returns the name of the mapping that writes a field of the ticket.
func Outbound(field string) string { return "out:" + field }

// Inbound returns the name of the mapping that writes a field of the source.
func Inbound(field string) string { return "in:" + field }

// FieldOf returns the field that a mapping writes.
func FieldOf(mapping string) string {
	_, field, _ := strings.Cut(mapping, ":")
	return field
}

// SideOf returns the side that a mapping writes to.
func SideOf(mapping string) Side {
	if strings.HasPrefix(mapping, Inbound("")) {
		return Source
	}
	return Target
}

// Names of the transfers in links, journals and dead letters.
const (
	CommentsInbound  = "comments.inbound"
	CommentsOutbound = "comments.outbound"
	FilesInbound     = "attachments.inbound"
	FilesOutbound    = "attachments.outbound"
	TicketLink       = "ticket" // the ticket's page, on the source
	SourceLink       = "source" // the source's page, on the ticket
)

// ItemPrefix begins what a refused item, or a refused transfer, is called among
// the refusals of a link; the transfer and the item's key follow.
const ItemPrefix = "item:"

// Label returns how dead letters call a mapping: the ticket's field, or, of what is
// written back, "inbound." and the source's; an item by its transfer and key.
func Label(mapping string) string {
	if item, ok := strings.CutPrefix(mapping, ItemPrefix); ok {
		return item
	}
	if SideOf(mapping) == Source {
		return "inbound." + FieldOf(mapping)
	}
	return FieldOf(mapping)
}

// ParseLabel is the mapping that a label stands for.
func ParseLabel(label string) string {
	if field, ok := strings.CutPrefix(label, "inbound."); ok {
		return Inbound(field)
	}
	for _, transfer := range []string{CommentsInbound, CommentsOutbound, FilesInbound, FilesOutbound, TicketLink, SourceLink} {
		if label == transfer || strings.HasPrefix(label, transfer+"/") {
			return ItemPrefix + label
		}
	}
	return Outbound(label)
}

// Marker returns the mark of the copy of an item. It is a plain digest: the same
// after a lost store, so that the copy is found (rule 7.7).
func (l *Link) Marker(transfer, key string) string {
	sum := sha256.Sum256([]byte(l.Key + "\x00" + transfer + "\x00" + key))
	return hex.EncodeToString(sum[:10])
}
