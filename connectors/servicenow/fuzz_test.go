package servicenow_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/servicenow"
)

func FuzzReceive(f *testing.F) {
	for _, body := range []string{hook, "{}", `{"table":"incident","sys_id":"../x"}`, `{"table":"a\u0000","sys_id":"b"}`, "\xff", `[{"table":"incident"}]`} {
		f.Add([]byte(body))
	}
	_, c := instance(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		delivery, err := c.Receive(signedHeader(string(body)), body, time.Now())
		if err != nil {
			return
		}
		if delivery.ID == "" || len(delivery.Refs) != 1 {
			t.Fatalf("%+v", delivery)
		}
		parsed, err := connectors.ParseRef(delivery.Refs[0].String())
		if err != nil || parsed != delivery.Refs[0] || strings.ContainsAny(parsed.ID, "/?#%^ ") {
			t.Errorf("ref %q: %v", delivery.Refs[0], err)
		}
	})
}

// checkFields fails on a value that a Record may not hold.
func checkFields(t *testing.T, v any) {
	t.Helper()
	switch x := v.(type) {
	case nil, bool, int64, float64:
	case string:
		if x == "" {
			t.Error("an empty string in a record")
		}
	case time.Time:
		if x.Location() != time.UTC {
			t.Errorf("a time that is not UTC: %v", x)
		}
	case []any:
		for _, element := range x {
			checkFields(t, element)
		}
	default:
		t.Errorf("a %T in a record", v)
	}
}

func FuzzDecode(f *testing.F) {
	for _, body := range []string{
		`{"result":{"sys_id":"1","state":"2","caller_id":{"link":"https://x/y","value":"z"}}}`, `{"result":[{"sys_id":"1"}]}`, hook,
		`{"sys_id":{"value":{}}}`, `{"sys_id":"1","watch_list":",,"}`, `{"sys_id":"1","opened_at":"2026-13-45 99:99:99"}`, `{"error":"x"}`, `{"sys_id":"1","a":{"link":"%zz"}}`,
	} {
		f.Add([]byte(body))
	}
	decode := servicenow.System().Decode
	f.Fuzz(func(t *testing.T, body []byte) {
		record, err := decode(incidents, body)
		if err != nil {
			return
		}
		if record.Ref.ID == "" {
			t.Error("a record without an id")
		}
		for _, v := range record.Fields {
			checkFields(t, v)
		}
	})
}

// Whatever an instance answers, a call ends with a record or with a class.
func FuzzAnswers(f *testing.F) {
	f.Add(200, "application/json", `{"result":{"sys_id":"1"}}`, "", "")
	f.Add(200, "text/html", "<html>hibernating</html>", "", "")
	f.Add(201, "application/json", `{"result":[]}`, `<x>;rel="next"`, "2")
	f.Add(403, "application/json", "{\"error\":{\"message\":\"Operation Failed\",\"detail\":\"Data Policy Exception: \\n\\tThe following fields are mandatory: ,,Resolution code\"},\"status\":\"failure\"}", "", "")
	f.Add(400, "application/json", `{"error":"invalid_client","error_description":"x"}`, "", "-1")
	f.Add(404, "application/json", `{"error":{"message":null},"status":"failure"}`, "", "x")
	f.Fuzz(func(t *testing.T, status int, contentType, body, links, total string) {
		if status < 200 || status > 599 {
			return
		}
		synctest.Test(t, func(t *testing.T) {
			served := 0
			to := roundTrip(func(r *http.Request) (*http.Response, error) {
				if served++; served > 20 {
					return nil, io.ErrUnexpectedEOF // pages without an end
				}
				return &http.Response{
					StatusCode: status, Header: http.Header{"Content-Type": {contentType}, "Link": {links}, "X-Total-Count": {total}},
					Body: io.NopCloser(strings.NewReader(body)), Request: r,
				}, nil
			})
			for _, settings := range []*servicenow.Settings{basic(), oauth()} {
				c := connect(t, to, settings)
				_, err := c.Create(t.Context(), draft("k", nil))
				if err == nil {
					continue
				}
				if _, classed := connectors.ClassOf(err); !classed {
					t.Errorf("an error without a class: %v", err)
				}
			}
		})
	})
}

func FuzzDates(f *testing.F) {
	for _, seed := range []string{"2026-01-02 03:04:05", "2026-01-02T03:04:05Z", "2026-01-02", "0000-00-00 00:00:00", "9999-12-31 23:59:60", "02-01-2026", " ", "2026-01-02 03:04:05.999"} {
		f.Add(seed)
	}
	_, c := instance(f)
	f.Fuzz(func(t *testing.T, s string) {
		resolved, failed, err := c.Resolve(t.Context(), "incident", map[string]any{"due_date": s})
		if err != nil {
			t.Fatal(err)
		}
		if failed["due_date"] != nil {
			return
		}
		checkResolved := resolved["due_date"]
		if at, ok := checkResolved.(time.Time); ok && (at.Location() != time.UTC || at.Nanosecond() != 0) {
			t.Errorf("%q became %v", s, at)
		} else if !ok && checkResolved != "" {
			t.Errorf("%q became %#v", s, checkResolved)
		}
	})
}
