package demo

import "testing"

func TestWrapped(t *testing.T) {
	for _, test := range []struct {
		width       int
		first, text string
		want        string
	}{
		{0, "a  ", "one two", "a  one two"},
		{0, "a  ", "one\ntwo", "a  one\n   two"},
		{10, "a  ", "one two", "a  one two"},
		{9, "a  ", "one two", "a  one\n   two"},
		{10, "a  ", "one two three", "a  one two\n   three"},
		{8, "a  ", "onetwothree four", "a  onetw\n   othre\n   e\n   four"},
		{10, "ä  ", "öne tẅo thrée", "ä  öne tẅo\n   thrée"},
		{9, "", "one two \r\nthree\r", "one two\nthree\n"},
		{3, "abc  ", "no room", "abc  no room"},
	} {
		if got := wrapped(test.width, test.first, test.text); got != test.want {
			t.Errorf("width %d, %q, %q:\n%q, want\n%q", test.width, test.first, test.text, got, test.want)
		}
	}
}
