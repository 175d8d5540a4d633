package transport

import (
	"encoding/json"
	"errors"
)

// An Envelope is an answer of a system that gives every one as an object with the
// thing that was asked for under its name. What has no such member is another's
// answer, a gateway's or a proxy's: as a request's Into it is not read then, and
// says nothing of any record.
type Envelope struct {
	Member  string // to be set before
	Members map[string]json.RawMessage
}

// UnmarshalJSON reads the object.
func (e *Envelope) UnmarshalJSON(body []byte) error {
	if err := json.Unmarshal(body, &e.Members); err != nil {
		return err
	}
	if _, there := e.Members[e.Member]; !there {
		return errors.New("the answer holds no " + e.Member)
	}
	return nil
}

// Content is what was asked for.
func (e *Envelope) Content() json.RawMessage { return e.Members[e.Member] }
