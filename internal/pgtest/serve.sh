#!/bin/sh
# Runs a PostgreSQL server for as long as standard input stays open, then deletes it.
#
# Arguments: the folder of PostgreSQL's programs, the folder of the server (with the superuser's
# password in a file), the server's settings, and ports to try. It prints the port that it got.
#
# Standard input is a pipe whose other end only the test process holds. However that process
# ends, the pipe closes, and no server and no files are left behind.
bin=$1 dir=$2 settings=$3
shift 3
trap '' PIPE # a test process that is gone must not end this script before its last lines

start() {
	"$bin/initdb" -D "$dir/data" -U postgres -E UTF8 --locale=C -A scram-sha-256 --pwfile="$dir/password" --no-sync || return
	for port; do
		"$bin/pg_ctl" -D "$dir/data" -l "$dir/log" -w -t 60 -o "$settings -p $port" start && return
	done
	cat "$dir/log"
	return 1
}

if start "$@" >"$dir/start.log" 2>&1; then
	echo "$port"
else
	cat "$dir/start.log" >&2
fi
exec >/dev/null 2>&1 # tells the test process that there is no more to read

read -r _ # until the pipe closes

# Immediate: nobody reads these files again.
"$bin/pg_ctl" -D "$dir/data" -m immediate -w stop
cd / && rm -rf "$dir"
