package reconcile

// A Step is a point of a reconcile at which a crash must do no harm.
type Step string

// The steps of a creation and an update, in their order.
const (
	StepDecided     Step = "decided"
	StepClaimed     Step = "claimed"
	StepLookedUp    Step = "looked_up"
	StepCreated     Step = "created"
	StepConfirmed   Step = "confirmed"
	StepIntentSaved Step = "intent_saved"
	StepSent        Step = "sent"
	StepAgreed      Step = "agreed"
	StepJournaled   Step = "journaled"
	StepCarried     Step = "carried" // a comment or attachment
)
