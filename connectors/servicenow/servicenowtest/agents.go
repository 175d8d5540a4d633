package servicenowtest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// A User of the instance.
type User struct {
	UserName string
	Name     string
	Email    string
	Password string // "" cannot log in
	Roles    []string
	Inactive bool
}

// AddUser adds a user and returns the sys_id.
func (s *Server) AddUser(u User) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addUser(u).text("sys_id")
}

func (s *Server) addUser(u User) *record {
	first, last, _ := strings.Cut(u.Name, " ")
	return s.store("sys_user", Row{
		"user_name": u.UserName, "name": u.Name, "first_name": first, "last_name": last, "email": u.Email,
		"active": fmt.Sprint(!u.Inactive),
		// Neither is a column: no answer shows them.
		"password": u.Password, "roles": strings.Join(u.Roles, ","),
	})
}

// UserID is the sys_id of a user; "" if there is none.
func (s *Server) UserID(userName string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r, ok := s.user(userName); ok {
		return r.text("sys_id")
	}
	return ""
}

// AddGroup adds a group and returns the sys_id.
func (s *Server) AddGroup(name string) string {
	return s.AddRow("sys_user_group", Row{"name": name})
}

// AddRow stores a record as it is, without rules, and returns the sys_id.
func (s *Server) AddRow(table string, values Row) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.store(table, values).text("sys_id")
}

// SetRow changes a record's values as they are: no rule, no new version.
func (s *Server) SetRow(table, id string, values Row) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r, ok := s.find(table, id); ok {
		maps.Copy(r.values, values)
	}
}

// AddTable adds a table that extends parent; empty: none.
func (s *Server) AddTable(name, parent, numberPrefix string, columns ...Column) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addTable(name, parent, numberPrefix, columns...)
}

// Have adds a column for text to a table that is there, unless it has one of that
// name.
func (s *Server) Have(table, column string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, there := s.column(table, column); !there && s.tables[table] != nil {
		s.addColumn(table, text(column, column, 4000))
	}
}

// AddColumn adds a column to a table.
func (s *Server) AddColumn(table string, c Column) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addColumn(table, c)
}

func (s *Server) addColumn(table string, c Column) {
	s.tables[table].columns = append(s.tables[table].columns, c)
	for _, t := range s.tables {
		t.index = nil
	}
	s.describe(table, c)
}

// Rows are copies of a table's records, oldest first.
func (s *Server) Rows(table string) []Row {
	s.mu.Lock()
	defer s.mu.Unlock()
	var rows []Row
	for _, r := range s.rows(table) {
		rows = append(rows, maps.Clone(r.values))
	}
	return rows
}

// Tickets are the instance's incidents, oldest first.
func (s *Server) Tickets() []Row { return s.Rows("incident") }

// Ticket is a copy of a record, by its sys_id or number; nil if there is none.
func (s *Server) Ticket(table, idOrNumber string) Row {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.pick(table, idOrNumber); r != nil {
		return maps.Clone(r.values)
	}
	return nil
}

func (s *Server) pick(table, idOrNumber string) *record {
	if r, ok := s.find(table, idOrNumber); ok {
		return r
	}
	for _, r := range s.rows(table) {
		if n := r.text("number"); n != "" && n == idOrNumber {
			return r
		}
	}
	return nil
}

// agent is the user with the name, who is made an agent if there is none.
func (s *Server) agent(userName string) *record {
	if r, ok := s.user(userName); ok {
		return r
	}
	return s.addUser(User{UserName: userName, Name: userName, Email: userName + "@example.com", Roles: []string{"itil", "itil_admin"}})
}

// Edit changes a record as a person does in the forms, with the instance's
// rules. Writing comments or work_notes adds an entry.
func (s *Server) Edit(table, idOrNumber, userName string, fields Row) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.pick(table, idOrNumber)
	if r == nil {
		return fmt.Errorf("%s %s: no such record", table, idOrNumber)
	}
	_, bad := s.write(s.agent(userName), table, r, fields, false)
	return bad.err()
}

// Open inserts a record as a person does and returns its sys_id.
func (s *Server) Open(table, userName string, fields Row) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, bad := s.write(s.agent(userName), table, nil, fields, false)
	if bad != nil {
		return "", bad.err()
	}
	return r.text("sys_id"), nil
}

func (r *refused) err() error {
	if r == nil {
		return nil
	}
	return errors.New(r.message + ": " + r.detail)
}

// AddWorkNote adds a work note as a person.
func (s *Server) AddWorkNote(table, idOrNumber, userName, text string) error {
	return s.Edit(table, idOrNumber, userName, Row{"work_notes": text})
}

// AddComment adds a comment that the customer sees as a person.
func (s *Server) AddComment(table, idOrNumber, userName, text string) error {
	return s.Edit(table, idOrNumber, userName, Row{"comments": text})
}

// A JournalEntry is a comment or a work note.
type JournalEntry struct{ ID, Element, Value, By, On string }

// Journal are a record's entries, oldest first.
func (s *Server) Journal(table, idOrNumber string) []JournalEntry {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.pick(table, idOrNumber)
	if r == nil {
		return nil
	}
	var entries []JournalEntry
	for _, e := range s.tables["sys_journal_field"].rows {
		if e.text("element_id") == r.text("sys_id") {
			entries = append(entries, JournalEntry{e.text("sys_id"), e.text("element"), e.text("value"), e.text("sys_created_by"), e.text("sys_created_on")})
		}
	}
	return entries
}

// An Attachment is a file that hangs on a record.
type Attachment struct {
	ID, Name, ContentType, Hash, By string
	Content                         []byte
}

// Attach adds a file to a record as a person and returns its sys_id.
func (s *Server) Attach(table, idOrNumber, userName, name, contentType string, content []byte) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.pick(table, idOrNumber)
	if r == nil {
		return "", fmt.Errorf("%s %s: no such record", table, idOrNumber)
	}
	return s.attach(s.agent(userName), table, r, name, contentType, content).text("sys_id"), nil
}

// Attachments are a record's files, oldest first.
func (s *Server) Attachments(table, idOrNumber string) []Attachment {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.pick(table, idOrNumber)
	if r == nil {
		return nil
	}
	var files []Attachment
	for _, a := range s.tables["sys_attachment"].rows {
		if a.text("table_sys_id") == r.text("sys_id") {
			id := a.text("sys_id")
			files = append(files, Attachment{id, a.text("file_name"), a.text("content_type"), a.text("hash"), a.text("sys_created_by"), slices.Clone(s.files[id])})
		}
	}
	return files
}

// StampUpdated has a script write a record with any time of its last change, as one does
// that turns the system's own fields off.
func (s *Server) StampUpdated(table, idOrNumber string, at time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.pick(table, idOrNumber)
	if r == nil {
		return fmt.Errorf("no record %s in %s", idOrNumber, table)
	}
	r.values["sys_updated_on"] = at.UTC().Format(timeLayout)
	r.values["sys_mod_count"] = increment(r.values["sys_mod_count"])
	return nil
}

// Reclassify changes the class of a task, as an administrator does: the record goes on
// in another table, under its id and number.
func (s *Server) Reclassify(number, to string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.rows("task") {
		if r.text("number") != number {
			continue
		}
		if s.tables[to] == nil || !slices.Contains(s.lineage(to), "task") {
			return fmt.Errorf("no table %s of tasks", to)
		}
		from := s.tables[r.table]
		from.rows = slices.DeleteFunc(slices.Clone(from.rows), func(o *record) bool { return o == r })
		r.table, r.values["sys_class_name"] = to, to
		s.tables[to].rows = append(s.tables[to].rows, r)
		r.values["sys_updated_on"], r.values["sys_updated_by"] = s.now().Format(timeLayout), "admin"
		r.values["sys_mod_count"] = increment(r.values["sys_mod_count"])
		return nil
	}
	return fmt.Errorf("no task %s", number)
}

// AnswersAnyClass makes the instance answer for the id of a task by any table of tasks,
// with the columns that the two have in common.
func (s *Server) AnswersAnyClass(is bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.anyClass = is
}

// Delete removes a record, as an administrator does.
func (s *Server) Delete(table, idOrNumber string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.pick(table, idOrNumber); r != nil {
		s.remove(r)
	}
}

// Protect makes a column one that the API's users may not write: what they send
// is dropped without an error.
func (s *Server) Protect(table, column string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.protected[table+"."+column] = true
}

// Unprotect takes Protect back.
func (s *Server) Unprotect(table, column string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.protected, table+"."+column)
}

// DenyWrites makes every write to a table by the API fail with 403.
func (s *Server) DenyWrites(table string, deny bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.denied[table] = deny
}

// DenyReads makes every read of a table by the API fail with 403.
func (s *Server) DenyReads(table string, deny bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unread[table] = deny
}

// Hide makes records that hide takes invisible to the API; nil shows all again.
// They still count in pages.
func (s *Server) Hide(table string, hide func(Row) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hidden[table] = hide
}

// HideJournals makes records show nothing of their journals to the API.
func (s *Server) HideJournals(hide bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.noJournals = hide
}

// Rewrite adds a business rule that runs before every write is stored and may
// change it.
func (s *Server) Rewrite(rule func(table string, row Row)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rewrites = append(s.rewrites, rule)
}
