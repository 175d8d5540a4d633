package nearest

import "testing"

func TestName(t *testing.T) {
	known := []string{"severity", "summary", "status", "id"}
	for name, want := range map[string]string{
		"severty": "severity", "Sumary": "summary", "stauts": "status", "status_": "status", "colour": "", "x": "", "ID": "id",
	} {
		if got := Name(name, known); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}
