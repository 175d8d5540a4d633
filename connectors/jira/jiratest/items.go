package jiratest

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
)

// shownComment is a comment. Its properties are shown where they are asked for,
// and whether customers see it on service projects alone.
func (s *Server) shownComment(is *issue, m *comment, properties bool) object {
	o := object{
		"self": fmt.Sprintf("%s/rest/api/3/issue/%s/comment/%s", s.opts.URL, is.id, m.id), "id": m.id,
		"author": s.shownUser(s.user(m.author)), "updateAuthor": s.shownUser(s.user(m.author)),
		"body": m.body, "created": s.stamp(m.at), "updated": s.stamp(m.at),
	}
	if is.project.kind == "service_desk" {
		o["jsdPublic"] = !m.internal
	} else {
		o["jsdPublic"] = true
	}
	if m.visibility != nil {
		o["visibility"] = m.visibility
	}
	if properties {
		list := []any{}
		for key, v := range m.properties {
			list = append(list, object{"key": key, "value": v})
		}
		o["properties"] = list
	}
	return o
}

func (s *Server) listComments(c *call, is *issue) answer {
	all := slices.Clone(is.comments)
	switch c.URL.Query().Get("orderBy") {
	case "", "created", "+created":
	case "-created":
		slices.Reverse(all)
	default:
		return refuse(http.StatusBadRequest, "The 'orderBy' query parameter is invalid.")
	}
	start, most := intParameter(c, "startAt", 0), min(intParameter(c, "maxResults", 100), 100)
	shown := []any{}
	for _, m := range all[min(start, len(all)):] {
		if len(shown) == most {
			break
		}
		shown = append(shown, s.shownComment(is, m, false))
	}
	return say(http.StatusOK, object{"startAt": start, "maxResults": most, "total": len(all), "comments": shown})
}

func (s *Server) addComment(c *call, is *issue) answer {
	body, ok := readObject(c)
	if !ok {
		return refuse(http.StatusBadRequest, "Invalid request payload. Refer to the REST API documentation and try again.")
	}
	document := body["body"]
	if document == nil || ValidDocument(document) != nil {
		return refuse(http.StatusBadRequest, "INVALID_INPUT")
	}
	if textLength(document) > maxText {
		return refuseFields(map[string]string{"comment": "The entered text is too long. It exceeds the allowed limit of 32,767 characters."})
	}
	properties := map[string]any{}
	list, _ := body["properties"].([]any)
	for _, p := range list {
		o, _ := p.(object)
		key, _ := o["key"].(string)
		if key == "" || o["value"] == nil {
			return refuse(http.StatusBadRequest, "The property is invalid.")
		}
		properties[key] = o["value"]
	}
	visibility, _ := body["visibility"].(object)
	if kind := visibility["type"]; visibility != nil && kind != "role" && kind != "group" {
		return refuse(http.StatusBadRequest, "The visibility type is invalid.")
	}
	m := s.comment(is, c.Principal, document, properties)
	m.visibility = visibility
	return say(http.StatusCreated, s.shownComment(is, m, true))
}

func (s *Server) comment(is *issue, who string, document any, properties map[string]any) *comment {
	visible, _ := properties["sd.public.comment"].(object)
	m := &comment{
		id: s.nextID(), author: who, body: document, at: s.now(), properties: properties,
		internal: is.project.kind == "service_desk" && visible["internal"] == true && !(is.project.noAgent && who == Bot),
	}
	is.comments = append(is.comments, m)
	s.touched(is)
	s.announce(is, "comment_created", who, nil, m)
	return m
}

func (s *Server) commentsByID(c *call) answer {
	body, ok := readObject(c)
	list, isList := body["ids"].([]any)
	if !ok || !isList || len(list) > 1000 {
		return refuse(http.StatusBadRequest, "Invalid request payload. Refer to the REST API documentation and try again.")
	}
	found := []any{}
	for _, id := range list {
		n, ok := id.(float64)
		if !ok {
			return refuse(http.StatusBadRequest, "Invalid request payload. Refer to the REST API documentation and try again.")
		}
		for _, is := range s.issues {
			for _, m := range is.comments {
				if m.id == fmt.Sprint(int(n)) && !is.hidden {
					found = append(found, s.shownComment(is, m, strings.Contains(c.URL.Query().Get("expand"), "properties")))
				}
			}
		}
	}
	return say(http.StatusOK, object{"values": found, "isLast": true, "startAt": 0, "maxResults": 1000, "total": len(found)})
}

func (s *Server) shownFile(f *file) object {
	return object{
		"self": s.opts.URL + "/rest/api/3/attachment/" + f.id, "id": f.id, "filename": f.name, "author": s.shownUser(s.user(f.author)),
		"created": s.stamp(f.at), "size": len(f.content), "mimeType": f.kind, "content": s.opts.URL + "/rest/api/3/attachment/content/" + f.id,
	}
}

func (s *Server) shownFiles(is *issue) []any {
	all := []any{}
	for _, f := range is.files {
		all = append(all, s.shownFile(f))
	}
	return all
}

// upload takes a form of files, each in a part named file.
func (s *Server) upload(c *call, is *issue) answer {
	if c.Header.Get("X-Atlassian-Token") != "no-check" {
		return answer{Status: http.StatusForbidden, Header: http.Header{"Content-Type": {"text/plain"}}, Body: []byte("XSRF check failed")}
	}
	kind, parameters, err := mime.ParseMediaType(c.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		return refuse(http.StatusUnsupportedMediaType, "Unsupported Media Type")
	}
	var parts []*file
	for reader := multipart.NewReader(bytes.NewReader(c.Body), parameters["boundary"]); ; {
		part, err := reader.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return refuse(http.StatusBadRequest, "The form cannot be read.")
		}
		content, err := io.ReadAll(part)
		if err != nil {
			return refuse(http.StatusBadRequest, "The form cannot be read.")
		}
		if part.FormName() != "file" || part.FileName() == "" {
			continue
		}
		if int64(len(content)) > s.opts.UploadLimit {
			return refuse(http.StatusRequestEntityTooLarge, fmt.Sprintf("The file is larger than the maximum allowed size of %d bytes.", s.opts.UploadLimit))
		}
		parts = append(parts, &file{name: part.FileName(), kind: cmp.Or(part.Header.Get("Content-Type"), "application/octet-stream"), content: content})
	}
	if len(parts) > 60 {
		return refuse(http.StatusRequestEntityTooLarge, "The number of files to be uploaded exceeds the limit of 60.")
	}
	shown := []any{}
	for _, f := range parts {
		shown = append(shown, s.shownFile(s.attach(is, c.Principal, f.name, f.kind, f.content)))
	}
	return say(http.StatusOK, shown)
}

func (s *Server) attach(is *issue, who, name, kind string, content []byte) *file {
	f := &file{id: s.nextID(), name: name, kind: kind, author: who, content: bytes.Clone(content), at: s.now()}
	is.files = append(is.files, f)
	items := []any{object{"field": "Attachment", "fieldtype": "jira", "fieldId": "attachment", "from": nil, "fromString": nil, "to": f.id, "toString": name}}
	is.changes = append(is.changes, object{"id": s.nextID(), "author": s.shownUser(s.user(who)), "created": s.stamp(s.now()), "items": items})
	s.touched(is)
	s.announce(is, "jira:issue_updated", who, items, nil)
	return f
}

func (s *Server) fileOf(id string) *file {
	for _, is := range s.issues {
		for _, f := range is.files {
			if f.id == id && !is.hidden {
				return f
			}
		}
	}
	return nil
}

// attachmentContent points to the media host, with a token in the address.
func (s *Server) attachmentContent(c *call, id string) answer {
	f := s.fileOf(id)
	if f == nil {
		return refuse(http.StatusNotFound, "The attachment with id '"+id+"' does not exist")
	}
	if c.URL.Query().Get("redirect") == "false" {
		return answer{Status: http.StatusOK, Header: http.Header{"Content-Type": {f.kind}}, Body: bytes.Clone(f.content)}
	}
	token := fmt.Sprintf("media-token-%d", len(s.media)+1)
	s.media[token] = true
	a := answer{Status: http.StatusSeeOther, Header: http.Header{}}
	a.Header.Set("Location", s.opts.MediaURL+"/file/"+id+"/binary?token="+token)
	return a
}

// mediaContent is the media host, which takes its own tokens and no others.
func (s *Server) mediaContent(c *call) answer {
	id, _, _ := strings.Cut(strings.TrimPrefix(c.URL.Path, "/file/"), "/")
	f := s.fileOf(id)
	if c.Header.Get("Authorization") != "" || !s.media[c.URL.Query().Get("token")] || f == nil {
		return answer{Status: http.StatusForbidden, Header: http.Header{}, Body: []byte("Forbidden")}
	}
	return answer{Status: http.StatusOK, Header: http.Header{"Content-Type": {f.kind}}, Body: bytes.Clone(f.content)}
}
