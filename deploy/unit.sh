#!/usr/bin/env bash
# Every test, in two runs side by side: one would take most of half an hour. Usage: unit.sh PYTEST
# What builds the pages or the board's program is in one run only. tests/house holds that no folder is forgotten.
set -uo pipefail
pytest=$1
near="edge firmware_bridge web integration transport deploy protocol provisioning day mutation fuzz vectors house"
office="backend simulators"
mkdir -p build

run() { # NAME FOLDER…
  local name=$1
  shift
  "$pytest" -o cache_dir="build/pytest-$name" "${@/#/tests/}"
}

# shellcheck disable=SC2086 # words are folders
run office $office >build/tests-office.log 2>&1 &
other=$!
trap 'kill $other 2>/dev/null' INT TERM
# shellcheck disable=SC2086
run near $near
first=$?
printf '\n--- the other run: %s\n' "$office"
wait $other
second=$?
cat build/tests-office.log
exit $((first | second))
