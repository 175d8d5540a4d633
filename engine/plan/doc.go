// Package plan decides what should become of two records, of what was agreed on
// them, and of what was left under way. It is pure: it looks at what was read
// and at the time it is given, asks no system and no store, and writes nothing.
//
//   - Merge is the table of the protocol (section 4), row by row.
//   - MergeState compares states through their table (rule 4.6).
//   - SettleFields finds out what became of an intent whose answer was lost
//     (section 5).
//   - Newest decides conflicts by time (rule 4.5).
package plan
