# Targets a newcomer guesses. "make help" lists them.

GO      ?= go
# Pinned, so that a lint run says the same everywhere.
GOLANGCI_LINT_VERSION := v2.15.0
GOVULNCHECK_VERSION   := v1.9.0
GO_LICENSES_VERSION   := v1.6.0
# How many seeds of the simulation run without the race detector, which is
# some six times as slow, and for how long new ones are tried.
SEEDS   ?= 30
SOAK    ?= 10m
# Which places are changed by make mutants, and how many of them are tried.
MUTANTS ?= engine connectors/transport connectors/incidentio connectors/jira connectors/servicenow
SAMPLE  ?= 60
SEED    ?= 1
# Packages that start no goroutine and share nothing: the race detector would
# only slow them down, eight times.
PURE    := rules/cycles|rules/source|connectors/markdown(/.*)?
GOBIN   := $(CURDIR)/bin
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
COMMIT  ?= $(shell git rev-parse HEAD 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X main.version=$(VERSION) -X main.commit=$(COMMIT)
# A pattern passes over names that begin with a dot.
CI      := $(patsubst %/,./%,$(sort $(dir $(wildcard .ci/*.go .ci/*/*.go))))
LINT    := $(GOBIN)/golangci-lint-$(GOLANGCI_LINT_VERSION)
VULN    := $(GOBIN)/govulncheck-$(GOVULNCHECK_VERSION)
LICENSE := $(GOBIN)/go-licenses-$(GO_LICENSES_VERSION)

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  %-15s %s\n", $$1, $$2 }'

.PHONY: build
build: ## Build bin/lockstep
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/lockstep ./daemon/lockstep

.PHONY: test
test: ## Run all tests with the race detector, the exhaustive ones again without
	$(GO) test -race -short -p 4 -parallel 4 $$($(GO) list ./... | grep -vE '/($(PURE))$$') $(CI)
	$(GO) test ./engine $$($(GO) list ./... | grep -E '/($(PURE))$$')
	$(GO) test ./daemon -run 'TestThePageInABrowser$$'
	$(GO) test ./daemon/simulation -run 'Test(Seeds|Said|JiraSeeds)$$' -seeds $(SEEDS)

.PHONY: soak
soak: ## Run the simulation on new seeds for SOAK, 10 minutes
	$(GO) test ./daemon -run 'TestThePageInABrowser$$'
	$(GO) test ./daemon/simulation -run 'TestSoak$$' -soak $(SOAK) -timeout 0 -v

.PHONY: mutants
mutants: ## Change the code in SAMPLE places, one at a time: does a test notice?
	$(GO) run ./.ci/mutants -n $(SAMPLE) -seed $(SEED) $(MUTANTS)

.PHONY: lint
lint: $(LINT) words modules licences vulnerabilities ## Check style, words, likely mistakes, modules, licences and vulnerabilities
	$(LINT) run ./... $(CI)

.PHONY: words
words: ## Refuse the words and phrases of .ci/words/words.txt
	$(GO) run ./.ci/words .

.PHONY: modules
modules: ## Compare the downloaded modules with go.sum
	$(GO) mod verify

.PHONY: licences
licences: $(LICENSE) ## Check the licences of what the binary is linked with
	.ci/licences $(LICENSE) ./daemon/lockstep

.PHONY: vulnerabilities
vulnerabilities: $(VULN) ## Look for known vulnerabilities in what the binary calls
	.ci/vulnerabilities $(VULN) ./daemon/lockstep

.PHONY: fmt
fmt: $(LINT) ## Format Go and HCL
	$(LINT) fmt ./...
	$(GO) run ./daemon/lockstep fmt examples/*/

.PHONY: check
check: lint test ## All that has to pass before a change is merged

.PHONY: demo
demo: build ## Watch incidents become tickets, with simulators of the systems
	@bin/lockstep demo

.PHONY: bench
bench: ## Run the benchmarks
	$(GO) test -run '^$$' -bench . -benchmem ./...

$(LINT):
	$(call install,github.com/golangci/golangci-lint/v2/cmd/golangci-lint,$(GOLANGCI_LINT_VERSION))

$(VULN):
	$(call install,golang.org/x/vuln/cmd/govulncheck,$(GOVULNCHECK_VERSION))

$(LICENSE):
	$(call install,github.com/google/go-licenses,$(GO_LICENSES_VERSION))

# A tool at its version, under a name that says which.
define install
GOBIN=$(GOBIN) $(GO) install $(1)@$(2)
mv $(GOBIN)/$(notdir $(1)) $@
endef
