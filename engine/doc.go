// Package engine keeps records in step: for every record that may have
// changed it asks what each side should be, what it is and what both last
// agreed on, and writes the difference. It is level-triggered: no step depends
// on seeing every event, and what is on its way is saved before it is sent, so
// that a crash anywhere costs a look and never a ticket.
//
// It knows the rules and the connectors' contract, no system by name, and
// keeps everything through the small interfaces of Store and Clock.
package engine
