package cache

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestAnswersAreBelievedForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New[string](func(s string) bool { return s == "" })
		asked := 0
		fetch := func(key, says string) string {
			t.Helper()
			value, err := c.Fetch(key, func() (string, error) { asked++; return says, nil })
			if err != nil {
				t.Fatal(err)
			}
			return value
		}
		if got := fetch("hit", "one") + fetch("hit", "two"); got != "oneone" || asked != 1 {
			t.Errorf("%q after %d questions", got, asked)
		}
		fetch("miss", "")
		time.Sleep(2 * time.Minute)
		if fetch("miss", "found"); asked != 3 {
			t.Errorf("what was not there was asked for %d times", asked-1)
		}
		time.Sleep(9 * time.Minute)
		if _, ok := c.Get("hit"); ok {
			t.Error("an old answer is believed")
		}
		if value, ok := c.Peek("hit"); !ok || value != "one" {
			t.Error("an old answer is gone")
		}
		if _, err := c.Fetch("failure", func() (string, error) { return "x", errors.New("down") }); err == nil {
			t.Error("a failure is an answer")
		}
		if _, ok := c.Get("failure"); ok {
			t.Error("a failure was kept")
		}
		c.Forget("hit")
		if _, ok := c.Peek("hit"); ok {
			t.Error("a forgotten answer is there")
		}
	})
}

func TestItIsBounded(t *testing.T) {
	c := New[int, int](nil)
	for i := range 3 * bound {
		c.Put(i, i)
	}
	if n := len(c.answers); n > bound {
		t.Errorf("%d answers", n)
	}
	if _, ok := c.Get(3*bound - 1); !ok {
		t.Error("the newest answer is gone")
	}
}
