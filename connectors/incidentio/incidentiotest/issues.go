package incidentiotest

import (
	"net/url"
	"path"
	"strings"
)

// Issues in other trackers, by their addresses.

// providers are the issue trackers that the API knows.
func providers() []string {
	return []string{
		"asana", "azure_devops", "click_up", "linear", "jira", "jira_server", "github", "gitlab", "service_now", "shortcut", "notion",
	}
}

// issueAt tells by an address which tracker an issue is in, and what it is
// called there.
func issueAt(address string) (*ExternalIssue, *problem) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return nil, invalid("url", "invalid_value", "url must be the address of an issue")
	}
	issue := &ExternalIssue{Permalink: address, Name: path.Base(u.Path)}
	for host, provider := range map[string]string{
		"app.asana.com": "asana", "dev.azure.com": "azure_devops", "app.clickup.com": "click_up", "linear.app": "linear",
		"github.com": "github", "gitlab.com": "gitlab", "app.shortcut.com": "shortcut", "www.notion.so": "notion",
	} {
		if u.Hostname() == host {
			issue.Provider = provider
			return issue, nil
		}
	}
	record := strings.Contains(u.Path+u.Query().Get("uri"), ".do")
	switch {
	case strings.Contains(u.Path, "/browse/") && strings.Contains(issue.Name, "-"):
		issue.Provider = "jira"
	case record || strings.HasSuffix(u.Hostname(), ".service-now.com"):
		issue.Provider = "service_now"
	default:
		return nil, invalid("url", "invalid_value", "url is not the address of an issue in a tracker that is known")
	}
	return issue, nil
}
