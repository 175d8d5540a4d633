package admin

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAdminAddressesOfAClient(t *testing.T) {
	for address, want := range map[string]string{
		"127.0.0.1:8081": "http://127.0.0.1:8081", "localhost:8081": "http://localhost:8081", "[::1]:8081": "http://[::1]:8081",
		"https://127.0.0.1:8081": "https://127.0.0.1:8081", "https://lockstep.acme.example": "https://lockstep.acme.example",
		"https://lockstep.acme.example:8081/": "https://lockstep.acme.example:8081",
		"10.0.0.1:8081":                       "https://10.0.0.1:8081", "lockstep:8081": "https://lockstep:8081",
		"[fe80::1%eth0]:8081": "https://[fe80::1%25eth0]:8081",
		"":                    "", "localhost": "", ":8081": "", "https://": "", "https://:8081": "", "http://127.0.0.1:8081": "",
		"https://user:pass@host:1": "", "https://host:1/path": "", "host:1/path": "", "https://host:port": "", "https://host?x": "",
	} {
		got, err := baseURL(address)
		if got != want || (err != nil) != (want == "") {
			t.Errorf("%s: %q, %v, want %q", address, got, err, want)
		}
	}
	for _, file := range []string{filepath.Join(t.TempDir(), "nowhere.pem"), os.DevNull, "client_test.go"} {
		c := NewClient("https://127.0.0.1:1", "")
		c.TrustCA(file)
		if _, _, err := c.Status(t.Context()); err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("CA in %s: %v", file, err)
		}
	}
}
