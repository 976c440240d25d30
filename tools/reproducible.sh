#!/bin/sh
# Builds the last commit twice, from two clones in two folders, the second time with an empty build cache,
# and compares what comes out.
set -eu
dir=$(mktemp -d)
trap 'chmod -R u+w "$dir"; rm -rf "$dir"' EXIT
for n in one two; do
	git clone -q . "$dir/$n/neoevents"
	(cd "$dir/$n/neoevents" && make -s build)
	export GOCACHE="$dir/cache"
done
for command in bench migrate; do
	cmp "$dir/one/neoevents/bin/$command" "$dir/two/neoevents/bin/$command"
	sha256sum "$dir/one/neoevents/bin/$command" | sed "s#$dir/one/neoevents/##"
done
"$dir/one/neoevents/bin/bench" -version
