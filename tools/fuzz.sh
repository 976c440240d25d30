#!/bin/sh
# Fuzzes every target of this module, one after the other, each for the time that is given (30s), or those
# whose names a regular expression matches: tools/fuzz.sh 1m 'FuzzSchema|FuzzDSN'. A failing input stays in
# testdata/fuzz of its package, where go test tries it from then on.

for_each=${1:-30s}
wanted=${2:-^Fuzz}

list=$(go test -list '^Fuzz' ./...) || { echo "$list"; exit 1; }
# Names, and behind those of a package its line: "ok  PACKAGE  0.1s".
printf '%s\n' "$list" | awk '/^Fuzz/ { names = names " " $1 } /^ok/ { split(names, n); for (i in n) print $2, n[i]; names = "" }' | sort |
	grep -E " .*($wanted)" | {
	status=0
	while read -r package name; do
		echo "$package $name"
		# Input that reaches new code is kept as it is: to make each smaller takes longer than to find more.
		go test -run '^$' -fuzz "^$name\$" -fuzztime "$for_each" -fuzzminimizetime 1x "$package" || status=1
	done
	exit $status
}
