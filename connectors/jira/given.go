package jira

import "github.com/lockstep-sync/lockstep/connectors"

// given are the fields of an issue that the API gives as objects where a record shows a
// name, and those that no record shows. Of the API's description.
func given() map[string]connectors.Type {
	object := func(name string, members ...string) connectors.Type {
		fields := map[string]connectors.Type{}
		for _, member := range members {
			fields[member] = kind(connectors.Any)
		}
		return connectors.ObjectOf(name, fields)
	}
	named := object("named value", "self", "id", "name", "description", "iconUrl", "avatarId", "value", "key")
	user := object("user", "self", "accountId", "accountType", "active", "avatarUrls", "displayName", "emailAddress", "key", "name", "timeZone", "locale")
	project := object("project", "self", "id", "key", "name", "projectTypeKey", "simplified", "avatarUrls", "projectCategory", "style")
	version := object("version", "self", "id", "name", "description", "archived", "released", "releaseDate", "startDate", "projectId")
	status := object("status", "self", "id", "name", "description", "iconUrl", "statusCategory", "scope")
	status.Fields["statusCategory"] = object("status category", "self", "id", "key", "name", "colorName")
	all := map[string]connectors.Type{
		"project": project, "status": status, "statusCategory": status.Fields["statusCategory"],
		"issuetype": object("issue type", "self", "id", "name", "description", "iconUrl", "avatarId", "subtask", "entityId", "hierarchyLevel", "scope"),
		"priority":  object("priority", "self", "id", "name", "description", "iconUrl", "statusColor", "isDefault"),
		"security":  named, "resolution": named, "components": connectors.ListOf(named),
		"fixVersions": connectors.ListOf(version), "versions": connectors.ListOf(version),
		"parent": object("issue", "self", "id", "key", "fields"),
		"votes":  object("votes", "self", "votes", "hasVoted", "voters"), "watches": object("watchers", "self", "watchCount", "isWatching", "watchers"),
	}
	for _, name := range []string{"assignee", "reporter", "creator"} {
		all[name] = user
	}
	for _, name := range []string{
		"issuelinks", "attachment", "subtasks", "timetracking", "description", "environment", "comment", "worklog", "progress", "aggregateprogress", "issuerestriction",
		"issuerestrictions", "thumbnail", "issuekey", "lastViewed", "aggregateprogress", "properties", "sprint", "epic", "flagged", "closedSprints", "archiveddate", "archivedby",
	} {
		all[name] = kind(connectors.Any)
	}
	return all
}

// objectOf returns the fields of an issue within what decode reads.
func objectOf(body map[string]any) map[string]any {
	if issue, ok := body["issue"].(map[string]any); ok {
		body = issue
	}
	fields, _ := body["fields"].(map[string]any)
	return fields
}
