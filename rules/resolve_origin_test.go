package rules

import (
	"path/filepath"
	"testing"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/servicenow"
)

// TestNameSetting: a setting is named by the environment variable that it is
// read from, by whatever way, else by its place.
func TestNameSetting(t *testing.T) {
	dir := write(t, "main.hcl", `
variable "given" {}
variable "by_default" { default = "x" }
locals {
  direct   = trimspace(env("SN_LOCAL"))
  indirect = local.direct
}
connector "servicenow" "one" {
  url      = var.given
  username = "u"
  password = (local.indirect)
  oauth {
    client_id     = var.by_default
    client_secret = "${env("SN_SECRET")}"
  }
}
`)
	set, found := Load(t.Context(), dir, Options{
		Systems: []connectors.System{servicenow.System()}, Offline: true,
		Env: func(name string) (string, bool) {
			v, ok := map[string]string{"LOCKSTEP_VAR_given": "https://sn.example"}[name]
			return v, ok
		},
	})
	if set == nil {
		t.Fatal(found)
	}
	c := set.Connectors["one"]
	for setting, want := range map[string]string{
		"url":                 "LOCKSTEP_VAR_given of connector one",
		"username":            "username (" + filepath.ToSlash(filepath.Join(dir, "main.hcl")) + ":10) of connector one",
		"password":            "SN_LOCAL of connector one",
		"oauth.client_id":     "oauth.client_id (" + filepath.ToSlash(filepath.Join(dir, "main.hcl")) + ":13) of connector one",
		"oauth.client_secret": "SN_SECRET of connector one",
		"nothing":             "nothing of connector one",
	} {
		if got := c.NameSetting(setting); got != want {
			t.Errorf("%s is named %q, want %q", setting, got, want)
		}
	}
}
