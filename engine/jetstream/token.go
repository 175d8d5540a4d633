package jetstream

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// maxToken bounds an encoded token. Four of them and the prefix stay far below
// the 4096 bytes that a NATS protocol line may have, and one is a consumer's
// name, of at most 255.
const maxToken = 160

const upperHex = "0123456789ABCDEF"

// token encodes any text as one token that is valid in a subject, in the name
// of a consumer and in the key of a KV bucket, and the same on every file
// system: letters, digits, '-' and '_' stand for themselves, every other byte
// is "=XX", nothing at all is "=". Text that would become too long is "=-" and
// its SHA-256; such a token cannot be decoded, and whoever stores something
// under it stores the text as well.
func token(text string) string {
	if text == "" {
		return "="
	}
	var b strings.Builder
	for i := 0; i < len(text) && b.Len() <= maxToken; i++ {
		if c := text[i]; plain(c) {
			b.WriteByte(c)
		} else {
			b.WriteByte('=')
			b.WriteByte(upperHex[c>>4])
			b.WriteByte(upperHex[c&15])
		}
	}
	if b.Len() > maxToken {
		sum := sha256.Sum256([]byte(text))
		return "=-" + hex.EncodeToString(sum[:])
	}
	return b.String()
}

// untoken reverses token; false for a token that holds a digest, or is not a token.
func untoken(tok string) (string, bool) {
	if tok == "=" {
		return "", true
	}
	if tok == "" || len(tok) > maxToken {
		return "", false
	}
	var b strings.Builder
	for i := 0; i < len(tok); i++ {
		switch c := tok[i]; {
		case plain(c):
			b.WriteByte(c)
		case c == '=' && i+2 < len(tok):
			high, low := strings.IndexByte(upperHex, tok[i+1]), strings.IndexByte(upperHex, tok[i+2])
			if high < 0 || low < 0 || plain(byte(high<<4|low)) {
				return "", false
			}
			b.WriteByte(byte(high<<4 | low))
			i += 2
		default:
			return "", false
		}
	}
	return b.String(), true
}

func plain(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_'
}
