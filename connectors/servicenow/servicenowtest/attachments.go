package servicenowtest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
)

func (s *Server) attachmentAPI(c *call, user *record, parts []string) answer {
	notFound := hidden()
	switch {
	case c.Method == http.MethodGet && s.unread["sys_attachment"]:
		return failure(http.StatusForbidden, "User Not Authorized", "Failed API level ACL Validation")
	case len(parts) == 0 && c.Method == http.MethodGet:
		return s.list(c, user, "sys_attachment", defaultAttachmentLimit, s.metadata)
	case len(parts) == 1 && parts[0] == "file" && c.Method == http.MethodPost:
		q := c.URL.Query()
		return s.upload(user, q.Get("table_name"), q.Get("table_sys_id"), q.Get("file_name"), c.Header.Get("Content-Type"), c.Body)
	case len(parts) == 1 && parts[0] == "upload" && c.Method == http.MethodPost:
		return s.uploadForm(c, user)
	case len(parts) == 0 || len(parts) > 2:
		return failure(http.StatusBadRequest, "Requested URI does not represent any resource", c.URL.Path)
	}
	r, ok := s.find("sys_attachment", parts[0])
	if !ok || !s.sees(user, r) {
		return notFound
	}
	switch {
	case len(parts) == 2 && parts[1] == "file" && c.Method == http.MethodGet:
		a := newAnswer(http.StatusOK, r.text("content_type"), s.files[r.text("sys_id")])
		a.Header.Set("X-Attachment-Metadata", string(encode(s.metadata(nil, r))))
		return a
	case len(parts) == 1 && c.Method == http.MethodGet:
		return resultAnswer(http.StatusOK, s.metadata(nil, r))
	case len(parts) == 1 && c.Method == http.MethodDelete:
		s.remove(r)
		return newAnswer(http.StatusNoContent, "", nil)
	}
	return notFound
}

// metadata is an attachment's row; nothing of it is a reference.
func (s *Server) metadata(_ url.Values, r *record) map[string]any {
	shaped := map[string]any{}
	for _, c := range s.columns("sys_attachment") {
		shaped[c.Name] = r.text(c.Name)
	}
	return shaped
}

// uploadForm reads table_name, table_sys_id and, last, the file.
func (s *Server) uploadForm(c *call, user *record) answer {
	kind, parameters, err := mime.ParseMediaType(c.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		return failure(http.StatusBadRequest, "Bad Request", "the body is not multipart/form-data")
	}
	fields := map[string]string{}
	for parts := multipart.NewReader(bytes.NewReader(c.Body), parameters["boundary"]); ; {
		part, err := parts.NextPart()
		if err != nil {
			return failure(http.StatusBadRequest, "Bad Request", "the file is missing, and has to be the last part")
		}
		content, err := io.ReadAll(part)
		if err != nil {
			return failure(http.StatusBadRequest, "Bad Request", "a part was cut off")
		}
		if part.FileName() == "" {
			fields[part.FormName()] = string(content)
			continue
		}
		return s.upload(user, fields["table_name"], fields["table_sys_id"], part.FileName(), part.Header.Get("Content-Type"), content)
	}
}

func (s *Server) upload(user *record, tableName, id, name, contentType string, content []byte) answer {
	switch {
	case tableName == "" || id == "" || name == "":
		return failure(http.StatusBadRequest, "Bad Request", "table_name, table_sys_id and file_name are mandatory")
	case s.tables[tableName] == nil:
		return failure(http.StatusBadRequest, "Invalid table "+tableName, "")
	}
	owner, ok := s.find(tableName, id)
	if !ok || !s.sees(user, owner) {
		return hidden()
	}
	if bad := s.mayWrite(user, tableName, owner, true); bad != nil {
		return failure(bad.status, bad.message, bad.detail)
	}
	// That such files are refused is documented, the words are not.
	maximum := s.opts.MaxAttachment
	if maximum == 0 {
		maximum = 1024 << 20
	}
	extension := strings.ToLower(strings.TrimPrefix(path.Ext(name), "."))
	switch allowed := s.opts.AttachmentExtensions; {
	case len(content) > maximum:
		return failure(http.StatusBadRequest, "Bad Request", "File size exceeds the maximum of "+strconv.Itoa(maximum)+" bytes")
	case allowed != nil && !slices.Contains(allowed, extension):
		return failure(http.StatusBadRequest, "Bad Request", "Attachment type or content is not allowed")
	}
	r := s.attach(user, tableName, owner, name, contentType, content)
	a := resultAnswer(http.StatusCreated, s.metadata(nil, r))
	a.Header.Set("Location", s.opts.URL+"/api/now/attachment/"+r.text("sys_id"))
	return a
}

// attach stores a file. It does not touch the record that it hangs on.
func (s *Server) attach(user *record, tableName string, owner *record, name, contentType string, content []byte) *record {
	sum := sha256.Sum256(content)
	r := s.store("sys_attachment", Row{
		"file_name": name, "content_type": contentType, "table_name": tableName, "table_sys_id": owner.text("sys_id"),
		"size_bytes": strconv.Itoa(len(content)), "size_compressed": strconv.Itoa(len(content)), "compressed": "true",
		"hash": hex.EncodeToString(sum[:]), "state": "available", "chunk_size_bytes": "700000",
	})
	id := r.text("sys_id")
	r.values["download_link"] = s.opts.URL + "/api/now/attachment/" + id + "/file"
	r.values["sys_created_by"], r.values["sys_updated_by"] = user.text("user_name"), user.text("user_name")
	s.files[id] = bytes.Clone(content)
	s.announce(owner, "sys_attachment/"+id)
	return r
}
