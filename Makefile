# Everything here is a plain go command: make only remembers the flags.

.POSIX:

FUZZTIME = 30s
TARGETS = .
ARGS =

# The sizes of make crash and make archive-crash; EVENTS= is how many events, 50000 unless it is given.
KILLS = 200
# Those of make faults are under each fault; 0 MINUTES are as many as it takes. FAULTS and SEED may be given, too.
OPS = 5000
MINUTES = 0
BACKENDS = sqlite,postgres

# The linters are pinned in a module of their own, so that apps never download them.
TOOL = go tool -modfile=tools/go.mod

# What package drivertest has mocks of. Without -out they go to the standard output.
MOCKED = Store EventRepository EndpointRepository EventTypeRepository SubscriptionRepository \
	DeliveryRepository ActionRepository ExecutionRepository DeadLetterRepository ConsumerRepository \
	ArchiveRepository ArchiveRuleRepository ArchiveJobRepository ArchiveObjectRepository
MOQ = $(TOOL) moq -pkg drivertest

.PHONY: help test test-race crash archive-crash faults soak lint dependencies vuln build reproducible bench bench-compare bench-peers cover fuzz behaviours golden mocks tidy

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' Makefile

test: ## Run all tests (without PostgreSQL, those that need it skip: a last line says how to get it)
	@sh tools/test.sh

test-race: ## The same with the race detector
	@sh tools/test.sh -race

crash: ## Kill worker processes at random and count what is lost or doubled: KILLS, EVENTS, BACKENDS
	@go run ./internal/crash -backends $(BACKENDS) -events "$${EVENTS:-50000}" -kills $(KILLS) $(ARGS)

archive-crash: ## The same for processes that archive and restore; real payloads: ARGS='-input FILE'
	@go run ./internal/crash -archives -backends $(BACKENDS) -events "$${EVENTS:-50000}" -kills $(KILLS) $(ARGS)

faults: ## Let databases fail in every way while clients work, and count what is lost or doubled: OPS, MINUTES, BACKENDS, FAULTS, SEED
	@go run ./internal/faults -backends $(BACKENDS) -faults "$(FAULTS)" -ops $(OPS) -minutes $(MINUTES) $${SEED:+-seed $$SEED} $(ARGS)

soak: ## Work on a database for a long time and show that nothing grows by it: MINUTES for each (60), BACKENDS
	@go run ./internal/soak -backends $(BACKENDS) -minutes "$${MINUTES:-60}" $(ARGS)

lint: ## Check the formatting (gofumpt), the generated mocks, go vet, staticcheck
	@unformatted=$$($(TOOL) gofumpt -l .) || exit; \
	if [ -n "$$unformatted" ]; then \
		echo "Not formatted; run: $(TOOL) gofumpt -w ."; echo "$$unformatted"; exit 1; \
	fi
	@$(MOQ) ./driver $(MOCKED) | cmp -s - drivertest/mocks.go || { \
		echo "drivertest/mocks.go does not fit the interfaces of driver; run: make mocks"; exit 1; \
	}
	go vet ./... && (cd worker/workerotel && go vet ./...) && (cd archive/archiveblob && go vet ./...) && (cd cmd/bench/peers && go vet ./...)
	$(TOOL) staticcheck ./...

dependencies: ## Compare docs/dependencies.md with what is imported and with the licences, and verify the modules
	@cd tools && go run ./dependencies ..

vuln: ## Look for known vulnerabilities (govulncheck); skipped where their database can't be reached
	@sh tools/vuln.sh

build: ## Build cmd/bench and cmd/migrate into bin/, with the version of the commit in them
	CGO_ENABLED=0 go build -trimpath -buildvcs=true -o bin/ ./cmd/bench ./cmd/migrate

reproducible: ## Build the last commit twice, from two folders, and compare
	@sh tools/reproducible.sh

bench: ## Measure on SQLite in a temporary file; all flags: make bench ARGS=-h
	go run ./cmd/bench $(ARGS)

bench-compare: ## Measure the backends against the same statements written by hand
	go test -run '^$$' -bench . ./driver/sqlite
	go run ./internal/pgtest/cmd/withpostgres -fsync go test -run '^$$' -bench . ./driver/postgres

bench-peers: ## Measure beside other libraries: EVENTS, INPUT (JSON Lines), PAYLOAD (bytes or '{"num":1}'), DSN, JSON (a file to write), ARGS
	@sh tools/peers.sh $(ARGS)

cover: ## Run all tests and show how much of the library they reach; details: go tool cover -html=cover.out
	go test -coverpkg=./driver/...,./migrate,./query -coverprofile=cover.out ./...
	@go tool cover -func=cover.out | tail -n 1

fuzz: ## Fuzz each target that there is for FUZZTIME, or those that match TARGETS
	@sh tools/fuzz.sh $(FUZZTIME) '$(TARGETS)'

behaviours: ## Write docs/behaviours.md anew, from a run of the suite on every backend
	@sh tools/behaviours.sh docs/behaviours.md

golden: ## Write the SQL statements to query/testdata anew, for review
	go test ./query -update

mocks: ## Generate the mocks of package drivertest anew, after a change to an interface of driver
	$(MOQ) -rm -out drivertest/mocks.go ./driver $(MOCKED)

tidy: ## Tidy go.mod and those of tools, worker/workerotel, archive/archiveblob and cmd/bench/peers
	go mod tidy
	cd tools && go mod tidy
	cd worker/workerotel && go mod tidy
	cd archive/archiveblob && go mod tidy
	cd cmd/bench/peers && go mod tidy
