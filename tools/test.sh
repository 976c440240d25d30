#!/bin/sh
# Runs all tests, with the given flags of go test, and ends with a line that says how to get
# PostgreSQL if tests skipped for the lack of it: go test hides what passing packages print.

if missing=$(go run ./internal/pgtest/cmd/withpostgres true 2>&1); then
	# A server is there, so nothing need skip. Cached results may be from before it was; only
	# those with skips depend on this variable, and so run again.
	export NEOEVENTS_TEST_REQUIRE_POSTGRES=1
fi

set -- go test -timeout 30m "$@" ./...
echo "$*"
if [ -n "$NEOEVENTS_TEST_JSON" ]; then # a file for tools/behaviours.sh
	"$@" -json | tee "$NEOEVENTS_TEST_JSON" | go run ./internal/behaviours -say
else
	"$@"
fi
status=$?
# Modules of their own, so that only who uses OpenTelemetry, buckets or the peers of benchmarks downloads them. Their tests are few, whatever was asked for.
for module in worker/workerotel archive/archiveblob cmd/bench/peers; do
	echo "cd $module && go test ./..."
	(cd $module && go test ./...) || status=1
done
if [ -z "$CI$NEOEVENTS_TEST_REQUIRE_POSTGRES" ]; then
	printf '%s\n' "$missing" | sed -n 's/^withpostgres: no PostgreSQL/SKIPPED: no PostgreSQL/p'
fi
exit $status
