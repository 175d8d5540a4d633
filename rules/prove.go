package rules

// proofs are what is to hold of a configuration as a whole. The last is about what
// nothing uses: what the others find may hide a use.
var proofs = []func(*model, *findings){proveRoutes, proveCycles, proveWriters, proveUses}

// prove runs the proofs.
func (m *model) prove(p *progress) {
	for _, proof := range proofs {
		if p.givenUp() {
			return
		}
		proof(m, p.findings)
	}
}
