package connectors

import "context"

type resolvingKey struct{}

// ResolvingFor returns a context in which values are resolved for a record that is
// there: what fits one record (an account that may be assigned) may not fit
// another.
func ResolvingFor(ctx context.Context, record Record) context.Context {
	return context.WithValue(ctx, resolvingKey{}, record)
}

// ResolvedFor is the record for which values are resolved; the zero Record where
// that is not known, or one is about to be created.
func ResolvedFor(ctx context.Context) Record {
	record, _ := ctx.Value(resolvingKey{}).(Record)
	return record
}
