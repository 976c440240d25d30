#!/bin/sh
# Runs cmd/bench/peers, which is a module of its own, with the flags that the environment has, and then
# the arguments. Files are named as from here. What make is given as NAME=value is in the environment.

bin=$(mktemp -d) || exit
trap 'rm -rf "$bin"' EXIT
trap : INT TERM # the command ends by itself, and removes what it wrote
go build -C cmd/bench/peers -o "$bin/peers" . || exit
"$bin/peers" ${EVENTS:+-events "$EVENTS"} ${INPUT:+-input "$INPUT"} ${PAYLOAD:+-payload "$PAYLOAD"} ${DSN:+-dsn "$DSN"} ${JSON:+-json "$JSON"} "$@"
