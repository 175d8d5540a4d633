package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/engine"
)

// TestPairsOfAFile: with a head or without, as spreadsheets write them.
func TestPairsOfAFile(t *testing.T) {
	type pair struct {
		Line           int
		Source, Target string
	}
	for name, test := range map[string]struct {
		file  string
		want  []pair
		wrong []csvError
	}{
		"plain":          {"INC-1,ENG-1\nINC-2,ENG-2\n", []pair{{1, "INC-1", "ENG-1"}, {2, "INC-2", "ENG-2"}}, nil},
		"with a head":    {"Source, Target\r\nINC-1 , ENG-1\r\n", []pair{{2, "INC-1", "ENG-1"}}, nil},
		"a byte order":   {"\ufeffsource,target\nINC-1,ENG-1", []pair{{2, "INC-1", "ENG-1"}}, nil},
		"quoted":         {"\"https://x/y,z\",\"ENG-1\"\n", []pair{{1, "https://x/y,z", "ENG-1"}}, nil},
		"empty lines":    {"\nINC-1,ENG-1\n\n", []pair{{2, "INC-1", "ENG-1"}}, nil},
		"other columns":  {"INC-1;ENG-1\nINC-2,ENG-2,x\nINC-3,\n", nil, []csvError{{1, "expected two columns, source and target, found 1"}, {2, "expected two columns, source and target, found 3"}, {3, "expected a source and a target, found one of them empty"}}},
		"a quote open":   {"INC-1,ENG-1\nINC-2,\"ENG-2\n", []pair{{1, "INC-1", "ENG-1"}}, []csvError{{2, "extraneous or missing \" in quoted-field"}}},
		"nothing":        {"", nil, []csvError{{1, "expected pairs, found none"}}},
		"nothing but it": {"source,target\n", nil, []csvError{{1, "expected pairs, found none"}}},
	} {
		read, wrong := readPairs([]byte(test.file), engine.Adoption{})
		var got []pair
		for _, p := range read {
			got = append(got, pair{p.line, p.Source, p.Target})
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if diff := cmp.Diff(test.wrong, wrong, cmp.AllowUnexported(csvError{})); diff != "" {
			t.Errorf("%s: wrong (-want +got):\n%s", name, diff)
		}
	}
}
