# cibatest: every target explains itself; `make` alone prints this list.
GO            ?= go
OUT           ?= out
GOLANGCI_LINT := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
DEADCODE      := golang.org/x/tools/cmd/deadcode@v0.52.0
PACKAGES      ?= ./...
REVISION      ?= $(shell git rev-parse HEAD 2>/dev/null)$(shell git diff --quiet HEAD 2>/dev/null || echo -modified)

.DEFAULT_GOAL := help
.PHONY: variants matrix help build deadcode device bench bench-device load demo test check fmt vet lint race selftest test-real test-keycloak test-sdk test-compose test-containers hostile browser figures fuzz ci release-snapshot fixtures clean

help: ## print the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build bin/cibatest: static, and the same bytes from the same revision on every machine
	CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=false -ldflags '-s -w -X main.revision=$(REVISION)' -o bin/cibatest ./cmd/cibatest

demo: build ## judge the embedded reference OP and write out/report.html
	./bin/cibatest demo --out $(OUT)

test: ## run the tests, each planted fault against the cases of its own requirement
	$(GO) test -p 6 -shuffle=on -timeout 25m $(PACKAGES)

# Of the self-test those that run all that there is at once; the others run the same code.
# The package reports shares nothing between goroutines, and takes minutes.
RACED := Test(Healthy|Variants|StrangersChangeNothing|HostileAnswers|PassingTrouble|CallbacksOverTLS|Watch)$$
race: ## run the tests under the race detector, without the fault matrix
	$(GO) test -p 4 -race -short -shuffle=on -timeout 25m $$($(GO) list $(PACKAGES) | grep -v -e /suites/selftest -e /reports$$)
	$(GO) test -race -short -timeout 25m -run '$(RACED)' ./suites/selftest

# CASE=a,b judges by these cases only, FAULT=x plants one fault, SHARD=1/4 takes a part.
selftest: ## the whole fault matrix and every legal variant; CASE=, FAULT= and SHARD= narrow it
	$(GO) test ./suites/selftest -run 'Test($(if $(FAULT),,Healthy|Variants|VariantsOnSmallTargets|)Faults)$$' -count=1 $(if $(FAULT),-v) -timeout 30m \
	  -args -whole $(if $(CASE),-case $(CASE)) $(if $(FAULT),-fault $(FAULT)) $(if $(SHARD),-shard $(SHARD))

variants: ## every legal variant on small targets; the tests have them on the whole one
	$(GO) test ./suites/selftest -run 'TestVariantsOnSmallTargets$$' -count=1 -timeout 30m -args -whole $(if $(SHARD),-shard $(SHARD))

matrix: ## each planted fault against all cases, which shows how far it reaches; SHARD=1/3 takes a third
	$(GO) test ./suites/selftest -run 'TestFaults$$' -count=1 -timeout 30m -args -whole $(if $(SHARD),-shard $(SHARD))

hostile: ## every command against an OP that means harm in every way there is: memory, requests, time
	CIBATEST_HOSTILE=all $(GO) test -count=1 -run TestHostileOPHarmsNobody -parallel 24 -timeout 15m ./cmd/cibatest

check: fmt vet lint race test ## what has to pass before a change lands

ci: ## everything that CI runs, each step with its time and a summary
	.ci/run

fmt: ## fail when a file is not formatted
	@files=$$(gofmt -l $$(git ls-files '*.go')); test -z "$$files" || { echo "not formatted: $$files"; exit 1; }

vet: ## go vet, also of what only containers, a browser and SDKs need
	$(GO) vet -tags containers,browser,sdks ./...

lint: deadcode ## golangci-lint at its pinned version with the import arrows, dead code, figures
	$(GO) run $(GOLANGCI_LINT) run
	$(GO) run ./internal/figures -check

deadcode: ## fail when a function is reached from no command and no test
	@found=$$($(GO) run $(DEADCODE) -test ./...) || exit 1; test -z "$$found" || { echo "$$found"; exit 1; }

test-real: build ## judge real OPs: oidc-provider (npm) and glewlwyd (Debian)
	fixtures/ops/test-real.sh $(OUT)/real

test-keycloak: build ## judge a real Keycloak (Java), fetched by Maven (180 MB, once); RUNS= whole runs, which have to agree
	OPS=keycloak fixtures/ops/test-real.sh $(OUT)/real

test-sdk: build ## run Auth0's SDKs, openid-client and Nimbus against op --persona auth0: a table of SDK and scenario; SDKS= names some
	fixtures/sdks/test-sdk.sh $(OUT)/sdk

test-compose: build ## start the compose file of the examples and carry a payment through
	.ci/engine examples/test-compose.sh

test-containers: ## judge an OP in a container; CIBATEST_IMAGE and CIBATEST_TARGET name another
	.ci/engine env CIBATEST_CONTAINERS=1 TESTCONTAINERS_RYUK_DISABLED=true TESTCONTAINERS_HOST_OVERRIDE=127.0.0.1 \
	  $(GO) test -tags containers -run TestContainer -count=1 -v -timeout 15m ./suites/selftest

browser: ## look at the reports and the phone page in Chromium, on screen and on paper: schemes, widths, accessibility
	reports/testdata/browser.sh $(OUT)/screens

figures: ## measure the source: comments, functions, tests, and what readers have to know
	$(GO) run ./internal/figures

fuzz: ## fuzz every parser of foreign input for FUZZTIME, 10s or 10000x each
	@set -e; for package in $$($(GO) list ./...); do \
	  for name in $$($(GO) test -list '^Fuzz' $$package | grep '^Fuzz' || true); do \
	    $(GO) test -run '^$$' -fuzz "^$$name$$" -fuzztime $(or $(FUZZTIME),10s) -fuzzminimizetime 1x $$package; done; done

# Twice, since two builds of one commit are to give the same bytes.
release-snapshot: ## build all that a release is made of into out/release, publish nothing; PLATFORMS= narrows it
	rm -rf $(OUT)/release $(OUT)/again
	.ci/release/release.sh v0.0.0-snapshot $(OUT)/release
	PLATFORMS=linux/amd64 .ci/release/release.sh v0.0.0-snapshot $(OUT)/again
	cmp $(OUT)/again/cibatest_0.0.0-snapshot_linux_amd64.tar.gz $(OUT)/release/cibatest_0.0.0-snapshot_linux_amd64.tar.gz
	.ci/release/test.sh $(OUT)/again

fixtures: ## make the test-only keys anew
	$(GO) generate ./fixtures/...

device: build ## run the authentication device: phone page at http://127.0.0.1:9003/phone
	./bin/cibatest device

bench-device: ## measure the device: decisions a second, bytes for each of a million held requests and timers
	$(GO) test -run "^$$" -bench Decide -benchtime 3s ./mockdevice
	$(GO) test -run "^$$" -bench "Held|Timers" -benchtime 1x ./mockdevice

bench: build bin/k6 ## measure the load generator against raw Vegeta and k6, one core each (quiet machine, Linux)
	$(GO) build -o bin/bench ./loadgen/bench
	./bin/bench -cibatest bin/cibatest -k6 bin/k6
	$(GO) test -run "^$$" -bench Receiver -cpu 1 -benchtime 2s ./loadgen

bin/k6: # built from the Go module proxy, for the benchmark only
	GOBIN=$(CURDIR)/bin $(GO) install go.k6.io/k6@v1.8.1

load: build ## ten flows a second against the embedded reference OP
	./bin/cibatest load --rate 10/s --duration 20s --out $(OUT)/load

clean: ## remove what was built
	rm -rf bin $(OUT)
