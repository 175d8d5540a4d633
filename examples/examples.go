// Package examples embeds the example configurations, so that the binary can
// show them without their files. It knows nothing but file names.
package examples

import (
	"embed"
	"io/fs"
)

//go:embed incidentio-servicenow
var files embed.FS

// IncidentioServiceNow is the configuration that opens ServiceNow tickets for
// incident.io incidents.
func IncidentioServiceNow() (fs.FS, error) {
	return fs.Sub(files, "incidentio-servicenow")
}
