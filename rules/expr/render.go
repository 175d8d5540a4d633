package expr

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
)

// native turns a value of CEL's into one that a connectors.Record may hold.
func native(v ref.Val) (any, error) {
	switch v := v.(type) {
	case nullValue, types.Null:
		return nil, nil
	case types.String:
		return string(v), nil
	case types.Bool:
		return bool(v), nil
	case types.Int:
		return int64(v), nil
	case types.Uint:
		if uint64(v) > math.MaxInt64 {
			return nil, errors.New("the number is too big for an int")
		}
		return int64(v), nil
	case types.Double:
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return nil, errors.New("the result is not a number")
		}
		return float64(v), nil
	case types.Timestamp:
		return v.UTC(), nil
	case types.Duration:
		return v.Duration.String(), nil
	case *types.Optional:
		if !v.HasValue() {
			return nil, nil
		}
		return native(v.GetValue())
	case *object:
		return nativeMap(v.mapper())
	case traits.Lister:
		return nativeList(v)
	case traits.Mapper:
		return nativeMap(v)
	}
	return nil, fmt.Errorf("a field cannot hold %s", typeName(v))
}

func nativeList(v traits.Lister) (any, error) {
	list := []any{}
	for it := v.Iterator(); it.HasNext() == types.True; {
		elem, err := native(it.Next())
		if err != nil {
			return nil, err
		}
		list = append(list, elem)
	}
	return list, nil
}

func nativeMap(v traits.Mapper) (any, error) {
	m := map[string]any{}
	for it := v.Iterator(); it.HasNext() == types.True; {
		key := it.Next()
		name, ok := key.(types.String)
		if !ok {
			return nil, fmt.Errorf("the keys of a map must be strings, not %s", typeName(key))
		}
		member, err := native(v.Get(key))
		if err != nil {
			return nil, err
		}
		m[string(name)] = member
	}
	return m, nil
}

// render writes a native value as a part of a text; false: it cannot be one.
func render(v any) (string, bool) {
	switch v := v.(type) {
	case nil:
		return "", true
	case string:
		return v, true
	case bool:
		return strconv.FormatBool(v), true
	case int64:
		return strconv.FormatInt(v, 10), true
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), true
	case time.Time:
		return v.UTC().Format(time.RFC3339Nano), true
	case []any:
		elems := make([]string, len(v))
		for i, elem := range v {
			s, ok := render(elem)
			if !ok {
				return "", false
			}
			elems[i] = s
		}
		return strings.Join(elems, ", "), true
	}
	return "", false
}
