#!/usr/bin/env bash
# Installs the Debian packages of the named groups of deploy/dev/packages.txt that are missing.
# Usage: install_packages.sh GROUP …   (build, test, bench, coverage, images, e2e)
# Quick and silent when nothing is missing. Services that come with a package (Docker, nginx, a
# registry on port 5000) are neither started nor left to start at the next boot.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
list=$root/deploy/dev/packages.txt
policy=/usr/sbin/policy-rc.d

wanted=()
for group in "$@"; do
  mapfile -t -O "${#wanted[@]}" wanted < <(awk -v group="$group" '$1 == group {print $2}' "$list")
done
installed=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "${wanted[@]}" 2>/dev/null |
  sed -n 's/ installed$//p' || true)
mapfile -t missing < <(printf '%s\n' "${wanted[@]}" | sort -u | grep -vxF "$installed" || true)
[ ${#missing[@]} -gt 0 ] || exit 0

if ! command -v apt-get >/dev/null; then
  echo "install_packages.sh: no apt-get here; install by hand what these bring: ${missing[*]}" >&2
  exit 0
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  as_root=(sudo)
  if ! command -v sudo >/dev/null; then
    echo "install_packages.sh: run as root, or install sudo: apt-get install ${missing[*]}" >&2
    exit 1
  fi
fi

echo "installing ${#missing[@]} Debian packages: ${missing[*]}"
output=$(mktemp)
saved=$(mktemp -u "$policy.XXXXXX")

restore() {
  "${as_root[@]}" rm -f "$policy"
  if [ -e "$saved" ]; then "${as_root[@]}" mv "$saved" "$policy"; fi
  rm -f "$output"
}

quietly() {
  if ! "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive "$@" >"$output" 2>&1; then
    cat "$output" >&2
    echo "install_packages.sh: failed: $*" >&2
    exit 1
  fi
}

trap restore EXIT
if [ -e "$policy" ]; then "${as_root[@]}" mv "$policy" "$saved"; fi
printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
"${as_root[@]}" chmod 755 "$policy"

quietly apt-get -o DPkg::Lock::Timeout=300 update
quietly apt-get -o DPkg::Lock::Timeout=300 install --yes --no-install-recommends "${missing[@]}"

if [ -d /run/systemd/system ]; then
  for package in "${missing[@]}"; do
    for unit in $(dpkg -L "$package" | sed -n 's,.*/systemd/system/\([^/@]*\.\(service\|socket\)\)$,\1,p'); do
      "${as_root[@]}" systemctl disable --quiet "$unit" 2>/dev/null || true
    done
  done
fi
