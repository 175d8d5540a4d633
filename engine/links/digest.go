package links

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sort"
	"strconv"
	"time"

	"github.com/lockstep-sync/lockstep/connectors"
)

// A Digester makes keyed digests of values. Equality is all that the merge
// needs, and without the key a digest says nothing of its value.
type Digester struct{ key []byte }

// NewDigester makes digests with a key.
func NewDigester(key []byte) Digester { return Digester{key: key} }

// Of returns the digest of a value as connectors.Record describes them, or of a
// connectors.Lookup. Absent and nil are the same.
func (d Digester) Of(v any) string {
	mac := hmac.New(sha256.New, d.key)
	mac.Write(appendCanonical(nil, v))
	return hex.EncodeToString(mac.Sum(nil)[:16])
}

// Pair returns the digest of two digests.
func (d Digester) Pair(from, have string) string { return d.Of(from + "\x00" + have) }

// appendCanonical writes a value so that two are written alike only if they
// are equal: each kind has its letter and each string its length.
func appendCanonical(b []byte, v any) []byte {
	text := func(b []byte, kind byte, s string) []byte {
		b = append(b, kind)
		b = strconv.AppendInt(b, int64(len(s)), 10)
		b = append(b, ':')
		return append(b, s...)
	}
	switch x := v.(type) {
	case nil:
		return append(b, 'n')
	case bool:
		return strconv.AppendBool(append(b, 'b'), x)
	case int64:
		return append(strconv.AppendInt(append(b, 'i'), x, 10), ';')
	case float64:
		return append(strconv.AppendFloat(append(b, 'f'), x, 'g', -1, 64), ';')
	case string:
		return text(b, 's', x)
	case time.Time:
		return text(b, 't', x.UTC().Format(time.RFC3339Nano))
	case connectors.Lookup:
		b = appendCanonical(text(append(b, 'r'), 's', x.Key), x.Value)
		if x.Fallback != nil {
			return appendCanonical(b, *x.Fallback)
		}
		return strconv.AppendBool(b, x.HasFallback)
	case *connectors.Lookup:
		return appendCanonical(b, *x)
	case []any:
		b = append(b, '[')
		for _, e := range x {
			b = appendCanonical(b, e)
		}
		return append(b, ']')
	case map[string]any:
		keys := make([]string, 0, len(x))
		for k := range x {
			keys = append(keys, k)
		}
		sort.Strings(keys)
		b = append(b, '{')
		for _, k := range keys {
			b = appendCanonical(text(b, 's', k), x[k])
		}
		return append(b, '}')
	default:
		return text(b, 'x', fmt.Sprintf("%T %v", v, v))
	}
}
