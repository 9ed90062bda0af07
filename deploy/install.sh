#!/usr/bin/env bash
# Prepares this machine to run, test or work on Quad. Safe to run again and
# again: what is present is left alone, and when nothing is missing it needs
# neither the network nor any rights.
set -euo pipefail

usage() {
	cat <<'TEXT'
Usage: deploy/install.sh [run|test|tools|cache-dir|tools-dir|home-dir]

  run        (default) what `quad dev` needs: PostgreSQL and Redis from the
             distribution, and the pinned Temporal server, built from source
  test       the same, and what the tests need: make, a C compiler for the
             race detector, shellcheck, MariaDB (as a learning system's
             database), and the pinned developer tools
  tools      only the pinned developer tools (linter, test runner, …)
  cache-dir  print the cache folder and stop
  tools-dir  print the folder of the developer tools and stop
  home-dir   print $HOME, or the folder that stands in for it where it is unset

Environment:
  QUAD_CACHE  where built programs are kept; several checkouts and users may
              share it (default: $XDG_CACHE_HOME/quad or ~/.cache/quad)
  DATABASE_URL, REDIS_URL, TEMPORAL_ADDRESS
              with `run`, a server of yours: the program that it replaces is
              neither installed nor built
TEXT
}

readonly MIN_POSTGRES=15
readonly MIN_REDIS=6.2

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
readonly root=${here%/*}

say() { printf 'install: %s\n' "$*" >&2; }
die() {
	printf 'install: error: %s\n' "$*" >&2
	exit 1
}

# ---------------------------------------------------------------- surroundings

# The Go command refuses to work without a home folder (services and containers
# often have none), so one is found or made up before anything else.
ensure_home() {
	[[ -z ${HOME:-} ]] || return 0
	HOME=$(getent passwd "$(id -u)" 2>/dev/null | cut -d: -f6) || true
	if [[ -z $HOME || ! -w $HOME ]]; then
		HOME="${TMPDIR:-/tmp}/quad-home-$(id -u)"
		(umask 077 && mkdir -p "$HOME")
		# Somebody else's folder of that name could plant programs here.
		[[ -O $HOME && ! -L $HOME ]] || die "HOME is not set and $HOME is not ours; set HOME"
	fi
	export HOME
}

cache_dir() {
	local folder=${QUAD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/quad}
	[[ $folder == /* ]] || folder=$PWD/$folder # the builds run in other folders
	printf '%s\n' "$folder"
}

# Tools are bound to their pinned versions and to the Go release that built
# them: analysers cannot read the packages of a newer one.
tools_dir() {
	local hash
	hash=$({ cd "$root" && go env GOVERSION && cat tools/go.mod tools/go.sum; } | sha256sum)
	printf '%s/tools-%s\n' "$(cache_dir)" "${hash:0:12}"
}

# version_at_least HAVE WANT
version_at_least() { [[ $(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1) == "$2" ]]; }

check_system() {
	[[ $(uname -s) == Linux ]] ||
		die "this is $(uname -s); Quad's servers are set up on Linux only (Debian or a relative of it). Use deploy/Dockerfile elsewhere"
}

check_go() {
	local want have
	want=$(awk '$1 == "go" { print $2; exit }' "$root/go.mod")
	command -v go >/dev/null ||
		die "Go is missing: install Go $want or newer and put its bin folder on PATH"
	# Asked inside the module: there an older Go may switch to a fitting one by
	# itself, or says why it can't.
	have=$(cd "$root" && go env GOVERSION 2>&1) || die "Go does not accept this module: $have"
	have=${have#go}
	have=${have%%[- ]*}
	version_at_least "$have" "$want" || die "Go $have is too old: Quad needs Go $want or newer"
}

# --------------------------------------------------------------- Debian packages

# Prints the path of the newest PostgreSQL server program, which Debian keeps
# off PATH.
find_postgres() {
	local found
	found=$(printf '%s\n' /usr/lib/postgresql/*/bin/postgres | sort -V | tail -n 1)
	[[ -x $found ]] || found=$(command -v postgres) || return 1
	# An installation is of use only with the programs that set up and stop it.
	[[ -x ${found%/*}/initdb && -x ${found%/*}/pg_ctl ]] || return 1
	printf '%s\n' "$found"
}

postgres_version() { "$(find_postgres)" --version | grep -oE '[0-9]+(\.[0-9]+)*' | head -n 1; }
redis_version() { redis-server --version | grep -oE 'v=[0-9.]+' | cut -c 3-; }

has_c_compiler() {
	command -v "${CC:-gcc}" >/dev/null && echo '#include <stdlib.h>' | "${CC:-gcc}" -E - >/dev/null 2>&1
}

# as_root COMMAND…: with the rights to install packages, or not at all.
as_root() {
	if [[ $(id -u) == 0 ]]; then
		"$@"
	elif [[ -t 0 ]]; then
		sudo -- "$@"
	else
		sudo -n -- "$@" # nobody is there to type a password
	fi
}

policy_file=/usr/sbin/policy-rc.d
policy_written=''
remove_policy() {
	[[ -z $policy_written ]] || as_root rm -f "$policy_file"
	policy_written=''
}

# Keeps Debian from starting a system-wide PostgreSQL and Redis at install:
# Quad runs private ones and would only find their ports taken. A policy that
# somebody already made stays as it is.
write_policy() {
	[[ ! -e $policy_file ]] || return 0
	policy_written=yes
	printf '#!/bin/sh\n# Temporary, by Quad'\''s deploy/install.sh: start no service at install.\nexit 101\n' |
		as_root tee "$policy_file" >/dev/null
	as_root chmod 755 "$policy_file"
}

apt() {
	as_root env DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 \
		apt-get -q -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@" </dev/null >&2
}

# install_packages PACKAGE…
install_packages() {
	local list="$*"
	say "missing packages: $list"
	command -v apt-get >/dev/null || die "this system has no apt-get (it is not a relative of Debian): install by its own means PostgreSQL $MIN_POSTGRES or newer and Redis $MIN_REDIS or newer (missing here, by their Debian names: $list), then run this again"
	if [[ $(id -u) != 0 ]]; then
		command -v sudo >/dev/null ||
			die "installing them needs root, and there is no sudo: have an administrator run 'apt-get install $list', then run this again"
		[[ -t 0 ]] || sudo -n true 2>/dev/null ||
			die "installing them needs root, and sudo asks for a password that nobody is here to type: run 'sudo apt-get install $list', then run this again"
	fi
	trap remove_policy EXIT
	write_policy
	say 'refreshing the list of packages'
	apt update || say 'could not refresh it (offline?): trying with the list as it is'
	say "installing: $list"
	apt install -y --no-install-recommends "$@" || die "apt-get could not install: $list"
	remove_policy
	trap - EXIT
}

# need_packages run|test
need_packages() {
	local -a missing=()
	local postgres=yours redis=yours
	if [[ $1 == test || -z ${DATABASE_URL:-} ]]; then
		postgres=ours
		find_postgres >/dev/null || missing+=(postgresql)
	fi
	if [[ $1 == test || -z ${REDIS_URL:-} ]]; then
		redis=ours
		command -v redis-server >/dev/null || missing+=(redis-server)
	fi
	# The Go module proxy and every other peer is reached over TLS.
	[[ -n ${SSL_CERT_FILE:-} || -e /etc/ssl/certs/ca-certificates.crt ||
		-e /etc/pki/tls/certs/ca-bundle.crt ]] || missing+=(ca-certificates)
	if [[ $1 == test ]]; then
		has_c_compiler || missing+=(gcc libc6-dev)
		command -v shellcheck >/dev/null || missing+=(shellcheck)
		command -v make >/dev/null || missing+=(make)
		[[ -x /usr/sbin/mariadbd ]] || command -v mariadbd >/dev/null || missing+=(mariadb-server-core)
	fi
	if ((${#missing[@]})); then install_packages "${missing[@]}"; fi

	if [[ $postgres == yours ]]; then
		say 'PostgreSQL: yours (DATABASE_URL)'
	else
		version_at_least "$(postgres_version)" "$MIN_POSTGRES" ||
			die "PostgreSQL $(postgres_version) is too old: $MIN_POSTGRES or newer is needed"
		say "PostgreSQL: $(postgres_version), $(find_postgres)"
	fi
	if [[ $redis == yours ]]; then
		say 'Redis: yours (REDIS_URL)'
	else
		version_at_least "$(redis_version)" "$MIN_REDIS" ||
			die "Redis $(redis_version) is too old: $MIN_REDIS or newer is needed"
		say "Redis: $(redis_version), $(command -v redis-server)"
	fi
}

# ------------------------------------------------------------------ Go programs

# go_build TITLE MODULE PACKAGE FILE: a static program from a pinned module, put
# in place only when it is whole. Shows how long it has been at it. Settings of
# the user's that would choose other sources or another machine are not followed.
# Call it through `locked`.
go_build() {
	local title=$1 module=$2 package=$3 file=$4 start=$SECONDS next=0 status=0
	rm -f "$file".new.* # of runs that were killed: with the lock, none is in use
	log=$(mktemp "${TMPDIR:-/tmp}/quad-install.XXXXXX")
	temporary=$(mktemp "$file.new.XXXXXX")
	trap 'rm -f "$log" "$temporary"' EXIT
	env -u GOOS -u GOARCH GOWORK=off GOFLAGS=-mod=readonly CGO_ENABLED=0 go build -C "$module" \
		-trimpath -ldflags '-s -w' -o "$temporary" "$package" >"$log" 2>&1 </dev/null 9>&- & # the build holds on to no lock
	builder=$!
	# The build must not outlive an interrupted install. An interrupt, unlike a
	# termination, lets the Go command stop its compilers too.
	trap 'kill -INT "$builder" 2>/dev/null || true; wait "$builder" || true; exit 130' INT TERM HUP
	while kill -0 "$builder" 2>/dev/null; do
		if [[ -t 2 ]]; then
			printf '\rinstall: %s … %d s ' "$title" $((SECONDS - start)) >&2
		elif ((SECONDS - start >= next)); then
			say "$title … $((SECONDS - start)) s"
			next=$((next + 10))
		fi
		sleep 1
	done
	wait "$builder" || status=$?
	trap - INT TERM HUP
	[[ ! -t 2 ]] || printf '\r\033[K' >&2
	if ((status)); then
		tail -n 40 "$log" >&2
		die "$title failed (exit code $status); see above"
	fi
	chmod 755 "$temporary"
	mv -f "$temporary" "$file"
	rm -f "$log"
	trap - EXIT
	say "$title: done in $((SECONDS - start)) s"
}

# locked FOLDER COMMAND…: makes the folder and runs the command while no other
# run of this script builds there.
locked() {
	local folder=$1
	shift
	mkdir -p "$folder" || die "cannot make $folder; set QUAD_CACHE to a folder that you may write to"
	[[ -w $folder ]] || die "cannot write to $folder; set QUAD_CACHE to a folder that you may write to"
	exec 9>"$folder/.lock"
	flock -n 9 || {
		say "another run is building in $folder: waiting for it"
		flock 9
	}
	"$@"
	exec 9>&-
}

# built FILE: it is there, and it runs on this machine.
built() { [[ -x $1 ]] && "$1" --version >/dev/null 2>&1; }

build_temporal() {
	built "$1" || go_build 'building the Temporal server (about 3 minutes, once)' \
		"$here/temporal" github.com/temporalio/cli/cmd/temporal "$1"
}

need_temporal() {
	if [[ $1 == run && -n ${TEMPORAL_ADDRESS:-} ]]; then
		say 'Temporal: yours (TEMPORAL_ADDRESS)'
		return
	fi
	local version program
	version=$(awk '$1 == "require" { $1 = ""; $0 = $0 } $1 == "github.com/temporalio/cli" { print $2; exit }' "$here/temporal/go.mod")
	[[ -n $version ]] || die "deploy/temporal/go.mod does not name github.com/temporalio/cli"
	program="$(cache_dir)/temporal-$version/temporal"
	built "$program" || locked "${program%/*}" build_temporal "$program"
	say "Temporal: $version, $program"
}

# The packages that tools/go.mod lists as tools; a program is named after the
# last part of its path.
tool_packages() {
	awk '/^tool \(/ { inside = 1; next } inside && /^\)/ { exit } inside { print $1 } $1 == "tool" && NF == 2 && $2 != "(" { print $2 }' "$root/tools/go.mod"
}

build_tools() {
	local package
	for package in "${@:2}"; do
		[[ -x $1/${package##*/} ]] ||
			go_build "building ${package##*/} (once)" "$root/tools" "$package" "$1/${package##*/}"
	done
}

need_tools() {
	local folder package absent=''
	local -a packages
	folder=$(tools_dir)
	mapfile -t packages < <(tool_packages)
	((${#packages[@]})) || die 'tools/go.mod lists no tool'
	for package in "${packages[@]}"; do
		[[ -x $folder/${package##*/} ]] || absent=yes
	done
	if [[ -n $absent ]]; then locked "$folder" build_tools "$folder" "${packages[@]}"; fi
	say "developer tools: $folder"
}

# ------------------------------------------------------------------------- main

main() {
	local what=${1:-run}
	(($# < 2)) || { usage >&2; exit 2; }
	case $what in
	-h | --help | help)
		usage
		return
		;;
	run | test | tools | cache-dir | tools-dir | home-dir) ;;
	*)
		usage >&2
		exit 2
		;;
	esac

	ensure_home
	case $what in
	cache-dir)
		cache_dir
		return
		;;
	tools-dir)
		tools_dir
		return
		;;
	home-dir)
		printf '%s\n' "$HOME"
		return
		;;
	esac

	check_system
	check_go
	if [[ $what != tools ]]; then
		need_packages "$what"
		need_temporal "$what"
	fi
	if [[ $what != run ]]; then need_tools; fi
	say "ready ($what)"
}

main "$@"
