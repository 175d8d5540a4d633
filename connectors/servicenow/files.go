package servicenow

import (
	"cmp"
	"context"
	"io"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/transport"
	"github.com/lockstep-sync/lockstep/connectors/values"
)

const (
	opFiles  = "files"
	opOpen   = "open"
	opAttach = "attach"
	// fileNameLength is that of sys_attachment.file_name.
	fileNameLength = 100
	// hidden is what the product puts before the table's name of a file that
	// belongs to a field and not to the ticket's list of files.
	hidden = "ZZ_YY"
)

// Files lists what is attached to the ticket. A file that is not checked for
// viruses yet, or did not pass, is not there.
func (c *Connector) Files(ctx context.Context, record connectors.Record) ([]connectors.File, error) {
	if failure := checkRef(opFiles, record.Ref); failure != nil {
		return nil, failure
	}
	own, err := c.own(ctx)
	if err != nil {
		return nil, err
	}
	var files []connectors.File
	seen, total := 0, 0
	for r, err := range c.rows(ctx, query{
		op: opFiles, record: record.Ref.String(), table: attachmentTable, total: &total,
		where: "table_sys_id=" + record.Ref.ID + oldestFirst,
	}) {
		if err != nil {
			return nil, err
		}
		seen++
		if r.text("sys_id") == "" || r.text("table_sys_id") != record.Ref.ID || strings.HasPrefix(r.text("table_name"), hidden) {
			continue
		}
		switch r.text("state") {
		case "", "available", "available_conditionally":
			files = append(files, c.file(r, own))
		}
	}
	if seen == 0 && total > 0 {
		return nil, hiddenRows(opFiles, record.Ref.String(), "the ticket has files of which the integration user sees none", attachmentTable)
	}
	return files, nil
}

func (c *Connector) file(r row, own string) connectors.File {
	size, _ := strconv.ParseInt(r.text("size_bytes"), 10, 64) // 0 where it is not told
	at, _ := time.Parse(timeLayout, r.text("sys_created_on"))
	id := r.text("sys_id")
	f := connectors.File{
		ID: id, Name: r.text("file_name"), Type: r.text("content_type"), Size: size,
		URL: c.base + "/sys_attachment.do?sys_id=" + url.QueryEscape(id), At: at,
		Ours: isUser(r.text("sys_created_by"), own),
	}
	// Of old files the hash may be another than SHA-256.
	if hash := strings.ToLower(r.text("hash")); len(hash) == 64 && strings.Trim(hash, "0123456789abcdef") == "" {
		f.Hash = hash
	}
	return f
}

// OpenFile streams the content of a file.
func (c *Connector) OpenFile(ctx context.Context, record connectors.Record, file connectors.File) (io.ReadCloser, error) {
	ref := record.Ref
	ref.ID = file.ID
	if failure := checkRef(opOpen, ref); failure != nil {
		failure.Record = record.Ref.String()
		return nil, failure
	}
	var content io.ReadCloser
	err := c.tokens.Do(ctx, http.MethodGet, func(ctx context.Context) error {
		var err error
		content, err = c.http.OpenFile(ctx, transport.Request{
			Op: opOpen, Record: record.Ref.String(), Method: http.MethodGet,
			Path: attachmentAPI + "/" + url.PathEscape(file.ID) + "/file", Header: http.Header{"Accept": {"*/*"}},
		}, file)
		return err
	})
	if err != nil {
		nameTable(err, attachmentAPI)
		return nil, err
	}
	return content, nil
}

// AddFile attaches a file to the ticket.
func (c *Connector) AddFile(ctx context.Context, record connectors.Record, file connectors.File, content io.Reader) (connectors.File, error) {
	if failure := checkRef(opAttach, record.Ref); failure != nil {
		return connectors.File{}, failure
	}
	own, err := c.own(ctx)
	if err != nil {
		return connectors.File{}, err
	}
	var into result[row]
	_, err = c.do(ctx, transport.Request{
		Op: opAttach, Record: record.Ref.String(), Method: http.MethodPost, Path: attachmentAPI + "/file",
		Query: url.Values{"table_name": {record.Ref.Record}, "table_sys_id": {record.Ref.ID}, "file_name": {fileName(file.Name)}},
		// The type is the file's, whatever it is.
		ContentType: cmp.Or(strings.TrimSpace(strings.Map(printable, file.Type)), "application/octet-stream"),
		Stream:      &transport.Stream{Content: content, Size: file.Size}, Into: &into,
	})
	if err != nil {
		return connectors.File{}, err
	}
	if into.value.text("sys_id") == "" {
		return connectors.File{}, connectors.Unclear(opAttach, record.Ref.String(), "the answer is not a file")
	}
	made := c.file(into.value, own)
	made.Ours = true
	return made, nil
}

// printable leaves out what cannot stand in a header.
func printable(r rune) rune {
	if r < ' ' || r > '~' {
		return -1
	}
	return r
}

// fileName is a name as the product takes it, its extension kept.
func fileName(name string) string {
	name = cmp.Or(values.OneLine(name), "file")
	extension := path.Ext(name)
	if runes := len([]rune(extension)); runes > 20 {
		extension = ""
	}
	return values.Cut(strings.TrimSuffix(name, extension), fileNameLength-len([]rune(extension))) + extension
}
