#!/usr/bin/env bash
# Every test, two runs beside each other and then two more: one run would take over an hour. Usage: unit.sh PYTEST
# Behind the others run what has a clock of its own beside the machine's, the emulated board and power that is cut, and the
# whole city: they wait most of the time. Power is cut behind the board: beside both, a city under kills came to no taps
# within its time. tests/house holds that no folder is forgotten.
set -uo pipefail
pytest=$1
near="edge hardware_keys simulators web transport deploy protocol"
office="backend provisioning attacks day mutation fuzz vectors house"
board="firmware_bridge power"
whole="integration"
mkdir -p build

run() { # NAME FOLDER…
  local name=$1
  shift
  "$pytest" -o cache_dir="build/pytest-$name" --durations=20 "${@/#/tests/}"
}

beside() { # NAME NAME…: runs of those folders beside each other; the first is seen as it goes, the others at its end
  local first=$1 name failed=0
  local -A others=()
  shift
  for name in "$@"; do
    # shellcheck disable=SC2086 # words are folders
    run "$name" ${!name} >"build/tests-$name.log" 2>&1 &
    others[$name]=$!
  done
  # shellcheck disable=SC2064 # those that run now
  trap "kill ${others[*]} 2>/dev/null; exit 130" INT TERM
  # shellcheck disable=SC2086
  run "$first" ${!first} || failed=1
  for name in "$@"; do
    wait "${others[$name]}" || failed=1
    printf '\n--- beside it ran: %s\n' "${!name}"
    cat "build/tests-$name.log"
  done
  return $failed
}

beside near office
early=$?
beside whole board
late=$?
exit $((early | late))
