#!/bin/bash
# Builds a Docker image of PostgreSQL 15 from Debian's packages, for machines that reach
# Debian but no image registry. Needs root, debootstrap and a Docker Engine.
#
#	build.sh [IMAGE]    # neoevents-postgres:15 by default
#
# An image that is there already is left alone; docker rmi it to build it anew.
set -euo pipefail

image=${1:-neoevents-postgres:15}
suite=bookworm # the Debian release that has PostgreSQL 15
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

if docker image inspect "$image" >/dev/null 2>&1; then
	echo "$image is there already"
	exit
fi
if [ "$(id -u)" != 0 ]; then
	echo "debootstrap needs root: run this script with sudo" >&2
	exit 1
fi
if ! command -v debootstrap >/dev/null; then
	echo "debootstrap is missing: apt-get install debootstrap" >&2
	exit 1
fi

# The archive which this machine's apt uses, not its security or updates part; on a
# machine without one, debootstrap's default.
# shellcheck disable=SC2016 # apt expands these
mirror=$(apt-get indextargets --format '$(REPO_URI) $(COMPONENT)' 2>/dev/null |
	awk '$2 == "main" && $1 ~ /\/debian\/?$/ { print $1; exit }' || true)

root=$(mktemp -d)
log=$(mktemp)
trap 'rm -rf "$root" "$log"' EXIT

echo "installing PostgreSQL 15 and what it needs into a folder (about a minute)"
if ! debootstrap --variant=minbase --include=postgresql-15 "$suite" "$root" ${mirror:+"$mirror"} >"$log" 2>&1; then
	echo "debootstrap failed; the end of its log:" >&2
	tail -n 5 "$log" | sed -E 's#[a-z]+://[^ ]+#(mirror)#g' >&2
	exit 1
fi

echo "trimming"
# The tests don't need documentation, translations, the just-in-time compiler (LLVM is a quarter of
# the image), or the cluster that installing the package made.
rm -rf "$root"/usr/share/{doc,man,info,locale,zoneinfo/right} "$root"/var/{cache,log}/* "$root"/var/lib/apt/lists/* \
	"$root"/usr/lib/postgresql/15/lib/{bitcode,llvmjit*} "$root"/usr/lib/*/libLLVM* "$root"/usr/lib/llvm-* \
	"$root"/var/lib/postgresql/15 "$root"/etc/postgresql/15 "$root"/etc/apt/sources.list*
install -m 755 "$here/entrypoint.sh" "$root/usr/local/bin/entrypoint.sh"

echo "importing"
tar -C "$root" -c . | docker import \
	--change 'ENTRYPOINT ["/usr/local/bin/entrypoint.sh"]' \
	--change 'ENV PATH=/usr/lib/postgresql/15/bin:/usr/local/bin:/usr/bin:/bin' \
	--change 'ENV PGDATA=/var/lib/postgresql/data' \
	--change 'EXPOSE 5432' \
	- "$image" >/dev/null
echo "$image: $(docker image inspect --format '{{.Size}}' "$image" | awk '{ printf "%d MB", $1 / 1e6 }')"
