#!/bin/sh
# Makes a PostgreSQL cluster on the first start, then becomes the server (PID 1).
# POSTGRES_USER, POSTGRES_PASSWORD, POSTGRES_DB and POSTGRES_INITDB_ARGS mean what they mean to
# the official image.
set -eu

if [ "$(id -u)" = 0 ]; then
	mkdir -p "$PGDATA"
	chown -R postgres:postgres "$PGDATA"
	chmod 700 "$PGDATA"
	exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
fi

user=${POSTGRES_USER:-postgres}
database=${POSTGRES_DB:-$user}

if [ ! -s "$PGDATA/PG_VERSION" ]; then
	: "${POSTGRES_PASSWORD:?must be set to a password for the user $user}"
	(
		umask 077
		printf '%s\n' "$POSTGRES_PASSWORD" >/tmp/password
	)
	# shellcheck disable=SC2086 # the arguments are words, not one word
	initdb --username="$user" --pwfile=/tmp/password --auth=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 \
		${POSTGRES_INITDB_ARGS:-}
	rm /tmp/password
	echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
	# Single-user mode needs no server to wait for, and nobody can connect too early.
	if [ "$database" != postgres ]; then
		quoted=$(printf '%s' "$database" | sed 's/"/""/g')
		printf 'create database "%s"\n' "$quoted" | postgres --single -j postgres >/dev/null
	fi
fi

if [ "${1:-}" = postgres ]; then
	shift
fi
exec postgres -c listen_addresses='*' "$@"
