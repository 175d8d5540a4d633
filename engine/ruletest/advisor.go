package ruletest

import (
	"reflect"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/rules"
)

// nowhere stands for what env() does not tell offline, so that a connector can
// be made. Nothing is ever sent to it.
const nowhere = "https://offline.example"

// advisorOf makes the connector of a block, to be asked only what its system
// knows without being asked: which moves and links it takes, and what is the
// same to it. nil: it cannot be made, and then every move is taken.
func advisorOf(block *rules.Connector) connectors.Connector {
	if block.System.New == nil {
		return nil
	}
	settings := reflect.New(reflect.TypeOf(block.Settings).Elem())
	settings.Elem().Set(filled(reflect.ValueOf(block.Settings).Elem()))
	common := block.Common
	common.WebhookSecret = ""
	made, err := block.System.New(block.Name, settings.Interface(), common, connectors.Env{UserAgent: "lockstep test"})
	if err != nil {
		return nil
	}
	return made
}

// filled returns a copy of settings in which no text is empty.
func filled(v reflect.Value) reflect.Value {
	out := reflect.New(v.Type()).Elem()
	out.Set(v)
	switch v.Kind() {
	case reflect.String:
		if v.Len() == 0 {
			out.SetString(nowhere)
		}
	case reflect.Pointer:
		if !v.IsNil() {
			out.Set(reflect.New(v.Type().Elem()))
			out.Elem().Set(filled(v.Elem()))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if out.Field(i).CanSet() {
				out.Field(i).Set(filled(v.Field(i)))
			}
		}
	}
	return out
}
