#!/bin/sh
# Checks tests/model/NAME.pml exhaustively: the property holds. With variants, each of them breaks
# the protocol, and the check must say so; a model that cannot fail shows nothing.
# Usage: run_model.sh MODEL FOLDER [VARIANT …]
set -eu
model=$(realpath "$1")
folder=$2
shift 2
mkdir -p "$folder"

# Prints how many errors a full search finds; fails where the search was not full.
errors_of() {
  work=$folder/${1:-real}
  mkdir -p "$work"
  (
    cd "$work"
    spin -a ${1:+-D"$1"} "$model" > spin.log
    ${CC:-clang-19} -O2 -w -DNOFAIR -DMEMLIM=2048 -DVECTORSZ=2048 -DCOLLAPSE -o pan pan.c
    ./pan -a -m1000000 > pan.log
  )
  if grep -qE "search not completed|max search depth too small|memory limit" "$work/pan.log" &&
     ! grep -qE "errors: [1-9]" "$work/pan.log"; then
    echo "the search of ${1:-the model} was not exhaustive; see $work/pan.log" >&2
    exit 1
  fi
  sed -n 's/.*errors: \([0-9]*\).*/\1/p' "$work/pan.log"
}

errors=$(errors_of)
if [ "$errors" != 0 ]; then
  echo "the protocol loses something; replay with spin -t in $folder/real" >&2
  cat "$folder/real/pan.log" >&2
  exit 1
fi
sed -n 's/^ *\([0-9]*\) states, stored.*/\1 states, no loss/p' "$folder/real/pan.log"
for variant in "$@"; do
  errors=$(errors_of "$variant")
  if [ "$errors" = 0 ]; then
    echo "without its rule ($variant) the protocol seems to lose nothing: the model is blind" >&2
    exit 1
  fi
  echo "$variant: fails, as it must"
done
