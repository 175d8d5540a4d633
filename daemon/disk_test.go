package daemon

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/daemon/admin"
	"github.com/lockstep-sync/lockstep/daemon/daemontest"
)

// A full disk under the embedded server, in this process.
func TestEmbeddedServerOnAFullDisk(t *testing.T) {
	t.Parallel()
	disk := t.TempDir()
	mountSmall(t, disk)
	r := newRig(t, memoryConfig)
	r.options.DataDir = filepath.Join(disk, "data")
	r.start()
	r.report("0", "before")
	r.ticket("before")
	ballast, err := os.Create(filepath.Join(disk, "ballast"))
	if err != nil {
		t.Fatal(err)
	}
	defer ballast.Close()
	for err == nil {
		_, err = ballast.Write(make([]byte, 4096))
	}
	taken, refused := 0, false
	for i := 1; !refused; i++ {
		id := fmt.Sprint(i)
		r.world.put(incident(id), false, map[string]any{"name": "record " + id})
		began := time.Now()
		switch code := r.post("/webhooks/acme", "s3cret-webhook "+id+" record-"+id); code {
		case http.StatusAccepted:
			taken = i
		case http.StatusServiceUnavailable:
			refused = true
		default:
			t.Fatalf("a webhook was answered %d", code)
		}
		if took := time.Since(began); took > 4*time.Second {
			t.Errorf("webhook %d was answered after %v", i, took)
		}
	}
	r.untilReadyz(http.StatusServiceUnavailable, "data: no space left on device")
	if err := os.Remove(ballast.Name()); err != nil {
		t.Fatal(err)
	}
	ballast.Close()
	free := time.Now()
	for i := 1; i <= taken; i++ {
		r.ticket(fmt.Sprint("record ", i))
	}
	t.Logf("%d tickets %v after there was room", taken, time.Since(free))
	r.untilReadyz(http.StatusOK, "")
}

// A daemon that starts on a full disk is up, says what it waits for, and goes
// on when there is room.
func TestStartOnAFullDisk(t *testing.T) {
	t.Parallel()
	disk := t.TempDir()
	mountSmall(t, disk)
	ballast := filepath.Join(disk, "ballast")
	file, err := os.Create(ballast)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for err == nil {
		_, err = file.Write(make([]byte, 4096))
	}
	r := newRig(t, memoryConfig)
	r.options.DataDir = filepath.Join(disk, "data")
	started := make(chan error, 1)
	go func() { started <- r.run() }()
	client := admin.NewClient(AdminSocket(r.options.DataDir), "")
	daemontest.Eventually(t, "status to say what it waits for", func() bool {
		s, _, err := client.Status(t.Context())
		return err == nil && !s.Ready && strings.Contains(s.Waiting, "data: no space left on device")
	})
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	file.Close()
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	r.report("1", "after")
	r.ticket("after")
}

// The data directory is removed under the daemon and restored: status says so
// although its socket went with it, and all goes on.
func TestDataDirectoryTakenAway(t *testing.T) {
	t.Parallel()
	r := newRig(t, memoryConfig)
	r.start()
	r.report("1", "before")
	r.ticket("before")
	daemontest.Eventually(t, "all acknowledgements to be written", func() bool { return r.status().Routes[0].Pending == 0 })
	data, away := r.options.DataDir, r.options.DataDir+".away"
	if err := os.MkdirAll(away, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(away, "jetstream"), os.DirFS(filepath.Join(data, "jetstream"))); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(data); err != nil {
		t.Fatal(err)
	}
	// At once, before any check has noticed it.
	if code := r.post("/webhooks/acme", "s3cret-webhook 2 meanwhile"); code != http.StatusServiceUnavailable {
		t.Errorf("a webhook was answered %d", code)
	}
	daemontest.Eventually(t, "readyz to say so", func() bool {
		code, said := r.readyz()
		return code == http.StatusServiceUnavailable && strings.Contains(said, "streams are gone (removed, or on a volume that is not mounted)")
	})
	if code := r.post("/webhooks/acme", "s3cret-webhook 2 meanwhile"); code != http.StatusServiceUnavailable {
		t.Errorf("a webhook was answered %d", code)
	}
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	daemontest.Eventually(t, "status to be reachable", func() bool { _, _, err := r.client.Status(t.Context()); return err == nil })
	r.untilReadyz(http.StatusServiceUnavailable, "put them back")
	if err := os.Rename(filepath.Join(away, "jetstream"), filepath.Join(data, "jetstream")); err != nil {
		t.Fatal(err)
	}
	r.untilReadyz(http.StatusOK, "")
	r.report("1", "after")
	r.ticket("after")
	if n := len(r.world.titles()); n != 1 {
		t.Errorf("%d tickets for one record", n)
	}
}
