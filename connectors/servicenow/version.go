package servicenow

import "strconv"

// Follows reports whether after is the version next to before: ServiceNow counts
// the updates of a record in sys_mod_count.
func (c *Connector) Follows(before, after string) (next, known bool) {
	from, errFrom := strconv.ParseInt(before, 10, 64)
	to, errTo := strconv.ParseInt(after, 10, 64)
	if errFrom != nil || errTo != nil {
		return false, false
	}
	return to == from+1, true
}
