#!/bin/sh
# Runs govulncheck. Only that its database can't be reached is no failure.

output=$(go tool -modfile=tools/go.mod govulncheck ./... 2>&1)
status=$?
printf '%s\n' "$output"
case $output in
*"fetching vulnerabilities: Get "*"dial tcp"* | *"fetching vulnerabilities: Get "*[Tt]imeout*)
	echo
	echo "*** SKIPPED: NOTHING WAS CHECKED. govulncheck can't reach its database (see above)."
	exit 0
	;;
esac
exit $status
