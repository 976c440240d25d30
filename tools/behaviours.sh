#!/bin/sh
# Runs the conformance suite on every backend and writes to the given file which behaviours each was
# seen to have. With -check it compares with the file instead, and fails if it is out of date. With -from FILE it
# takes the output of go test -json from there, which test.sh writes.

check=
if [ "$1" = -check ]; then
	check=1
	shift
fi
written=$(mktemp)
trap 'rm -f "$written" "$written.json"' EXIT
if [ "$1" = -from ]; then
	results=$2
	shift 2
else
	results=$written.json
	export NEOEVENTS_TEST_REQUIRE_POSTGRES=1
	go test -json -run '^TestConformance' ./driver/postgres ./driver/sqlite >"$results"
fi
go run ./internal/behaviours <"$results" >"$written" || exit
if [ -z "$check" ]; then
	cp "$written" "$1"
elif ! diff -u "$1" "$written"; then
	echo "$1 is out of date; run: make behaviours" >&2
	exit 1
fi
