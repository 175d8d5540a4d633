package transport

import (
	"crypto/rand"
	"encoding/hex"
	"io"
	"mime"
	"strings"

	"github.com/lockstep-sync/lockstep/connectors"
)

// FileForm is a file as the one part of a multipart form, under the name of a field,
// and the type of the form. The content is read as it is sent.
func FileForm(field string, file connectors.File, content io.Reader) (form *Stream, contentType string) {
	var random [16]byte
	rand.Read(random[:])
	boundary := hex.EncodeToString(random[:])
	kind := file.Type
	if _, _, err := mime.ParseMediaType(kind); err != nil || strings.ContainsAny(kind, "\r\n") {
		kind = "application/octet-stream"
	}
	name := strings.NewReplacer("\\", "_", "\"", "%22", "\r", "%0D", "\n", "%0A", "/", "_").Replace(file.Name)
	head := "--" + boundary + "\r\nContent-Disposition: form-data; name=\"" + field + "\"; filename=\"" + name + "\"\r\nContent-Type: " + kind + "\r\n\r\n"
	tail := "\r\n--" + boundary + "--\r\n"
	return &Stream{
		Content: io.MultiReader(strings.NewReader(head), content, strings.NewReader(tail)),
		Size:    int64(len(head)) + file.Size + int64(len(tail)),
	}, "multipart/form-data; boundary=" + boundary
}
