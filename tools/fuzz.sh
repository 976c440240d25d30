#!/bin/sh
# Fuzzes every target of this module, one after the other, each for the time that is given (30s), or those
# whose names a regular expression matches: tools/fuzz.sh 1m 'Schema|DSN'. A failing input stays in
# testdata/fuzz of its package, where go test tries it from then on.

for_each=${1:-30s}
wanted=${2:-.}

list=$(go test -list '^Fuzz' ./...) || { echo "$list"; exit 1; }
# Names, and behind those of a package its line: "ok  PACKAGE  0.1s".
targets=$(printf '%s\n' "$list" | awk -v wanted="$wanted" '
	/^Fuzz/ && $1 ~ wanted { names = names " " $1 }
	/^ok/ { n = split(names, name); for (i = 1; i <= n; i++) print $2, name[i]; names = "" }')
[ -n "$targets" ] || { echo "no target matches $wanted" >&2; exit 1; }
printf '%s\n' "$targets" | {
	status=0
	while read -r package name; do
		echo "$package $name"
		# Input that reaches new code is kept as it is: to make each smaller takes longer than to find more.
		go test -run '^$' -fuzz "^$name\$" -fuzztime "$for_each" -fuzzminimizetime 1x "$package" || status=1
	done
	exit $status
}
