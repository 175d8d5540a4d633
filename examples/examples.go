// Package examples embeds the example configurations, so that the binary can
// show them without their files. It knows nothing but file names.
package examples

import (
	"embed"
	"io/fs"
)

//go:embed incidentio-servicenow engineering-to-jira-security-to-servicenow
var files embed.FS

// IncidentioServiceNow is the configuration that opens ServiceNow tickets for
// incident.io incidents.
func IncidentioServiceNow() (fs.FS, error) {
	return fs.Sub(files, "incidentio-servicenow")
}

// Routing is the configuration that opens Jira issues for engineering's
// incidents and ServiceNow tickets for security's.
func Routing() (fs.FS, error) {
	return fs.Sub(files, "engineering-to-jira-security-to-servicenow")
}
