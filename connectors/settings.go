package connectors

import (
	"errors"
	"net/url"
	"strings"
)

// An AddressRule is what the address of a system may be, as an attribute of its
// block.
type AddressRule struct {
	Attribute string
	// Credentials says where the credentials are written that an address must not
	// hold, and Example what to write instead of a wrong one.
	Credentials, Example string
	// HostAlone reports whether nothing may follow the host; nil: a path may.
	HostAlone func(host string) bool
}

// Check says what is wrong with an address; empty: nothing is. One that is
// written and empty may come from env() in an offline command.
func (r AddressRule) Check(address string) []SettingError {
	if address == "" {
		return nil
	}
	wrong := func(summary, detail string) []SettingError {
		return []SettingError{{Attribute: r.Attribute, Summary: summary, Detail: detail + " " + r.Example}}
	}
	u, err := url.Parse(address)
	switch {
	case err != nil, u.Scheme != "https" && u.Scheme != "http", u.Hostname() == "":
		return wrong("not an address", "It has to begin with https:// (or http://) and a host name.")
	case u.User != nil:
		return wrong("credentials in the address", r.Credentials)
	case r.HostAlone != nil && r.HostAlone(u.Hostname()) && strings.Trim(u.Path, "/") != "":
		return wrong("the address goes on after the host", "The path of the API is added by itself.")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return wrong("the address goes on after its path", "A query or fragment has no place in it.")
	}
	return nil
}

// FirstOf is the first mistake of a block as the error of a connector that cannot
// be made; nil: there is none.
func FirstOf(wrong []SettingError) error {
	if len(wrong) == 0 {
		return nil
	}
	return errors.New(strings.TrimSpace(wrong[0].Attribute + " " + wrong[0].Summary))
}
