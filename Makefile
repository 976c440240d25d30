# Everything here is a plain go command: make only remembers the flags.

.POSIX:

FUZZTIME = 30s
ARGS =

# The linters are pinned in a module of their own, so that apps never download them.
TOOL = go tool -modfile=tools/go.mod

.PHONY: help test test-race lint vuln bench bench-compare cover fuzz golden tidy

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' Makefile

test: ## Run all tests (without PostgreSQL, those that need it skip: a last line says how to get it)
	@sh tools/test.sh

test-race: ## The same with the race detector
	@sh tools/test.sh -race

lint: ## Check the formatting (gofumpt), go vet, staticcheck
	@unformatted=$$($(TOOL) gofumpt -l .) || exit; \
	if [ -n "$$unformatted" ]; then \
		echo "Not formatted; run: $(TOOL) gofumpt -w ."; echo "$$unformatted"; exit 1; \
	fi
	go vet ./...
	$(TOOL) staticcheck ./...

vuln: ## Look for known vulnerabilities (govulncheck); skipped where their database can't be reached
	@sh tools/vuln.sh

bench: ## Measure on SQLite in a temporary file; all flags: make bench ARGS=-h
	go run ./cmd/bench $(ARGS)

bench-compare: ## Measure the backends against the same statements written by hand
	go test -run '^$$' -bench . ./driver/sqlite
	go run ./internal/pgtest/cmd/withpostgres -fsync go test -run '^$$' -bench . ./driver/postgres

cover: ## Run all tests and show how much of the library they reach; details: go tool cover -html=cover.out
	go test -coverpkg=./driver/...,./migrate,./query -coverprofile=cover.out ./...
	@go tool cover -func=cover.out | tail -n 1

fuzz: ## Fuzz the JSON check for FUZZTIME
	go test -run '^$$' -fuzz '^FuzzCheck$$' -fuzztime $(FUZZTIME) ./internal/jsontext

golden: ## Write the SQL statements to query/testdata anew, for review
	go test ./query -update

tidy: ## Tidy go.mod and tools/go.mod
	go mod tidy
	cd tools && go mod tidy
