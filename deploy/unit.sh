#!/usr/bin/env bash
# Every test, in two runs side by side and a last one by itself: one run would take over half an hour. Usage: unit.sh PYTEST
# By itself runs what has a clock of its own beside the machine's: the emulated board, and power that is cut.
# tests/house holds that no folder is forgotten.
set -uo pipefail
pytest=$1
near="edge simulators web transport deploy protocol provisioning day mutation fuzz vectors house"
office="backend"
alone="firmware_bridge integration"
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
printf '\n--- beside it ran: %s\n' "$office"
wait $other
second=$?
cat build/tests-office.log
printf '\n--- by itself: %s\n' "$alone"
# shellcheck disable=SC2086
run alone $alone
third=$?
exit $((first | second | third))
