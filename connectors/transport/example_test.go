package transport_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/lockstep-sync/lockstep/connectors"
	"github.com/lockstep-sync/lockstep/connectors/transport"
)

// A connector describes its requests, how its system is signed in to, and how it
// words a refusal. Pauses, tries, bounds and redaction are the client's.
func ExampleClient_Do() {
	system := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path != "/tickets/1" {
			w.WriteHeader(http.StatusUnprocessableEntity)
			fmt.Fprint(w, `{"error": "title is too long"}`)
			return
		}
		fmt.Fprint(w, `{"title": "Our database is sad"}`)
	}))
	defer system.Close()

	client := transport.New(transport.Options{
		Connector: "desk", BaseURL: system.URL,
		Authorize: func(_ context.Context, r *http.Request) error {
			r.Header.Set("Authorization", "Bearer secret")
			return nil
		},
	})
	defer client.Close()
	var ticket struct{ Title string }
	_, err := client.Do(context.Background(), transport.Request{Op: "read", Method: http.MethodGet, Path: "/tickets/1", Into: &ticket})
	fmt.Println(ticket.Title, err)

	_, err = client.Do(context.Background(), transport.Request{Op: "create", Method: http.MethodPost, Path: "/tickets", JSON: map[string]any{"title": "…"}})
	class, _ := connectors.ClassOf(err)
	fmt.Println(class)
	// Output:
	// Our database is sad <nil>
	// rejected
}
