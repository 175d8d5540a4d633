// Package plan decides what should become of two records, of what was agreed on
// them, and of what was left under way. It is pure: it looks at what was read
// and at the time it is given, asks no system and no store, and writes nothing.
// What it does not know it asks for (Needs), and is asked again.
//
//   - Opening plans for a record without a ticket: claim, look up, adopt or create,
//     confirm (rules 7.1 to 7.5), and what becomes of a claim whose answer was lost
//     (rule 3.3).
//   - Observation plans for a link: its life (life.go, close.go), the settling of an
//     intent (section 5), comments and attachments (items.go), fields and states
//     (update.go).
//   - Merge is the table of the protocol (section 4), row by row.
//   - MergeState compares states through their table (rule 4.6).
//   - Newest decides conflicts by time (rule 4.5).
package plan
