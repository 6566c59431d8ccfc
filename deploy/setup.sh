#!/usr/bin/env bash
# Make the virtual environment from the lock file. Usage: setup.sh PYTHON VENV
set -euo pipefail
python=$1 venv=$2

say() { printf '\033[1m[setup]\033[0m %s\n' "$*"; }
fail() { printf '\033[1;31m[setup]\033[0m %s\n        → %s\n' "$1" "$2" >&2; exit 1; }

command -v "$python" >/dev/null || fail "no $python here" "apt-get install python3 python3-venv, or: make PYTHON=/path/to/python3.11"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
  || fail "$("$python" --version) is too old; Savar needs 3.11 or newer" "make PYTHON=/path/to/python3.11"
if ! "$python" -c 'import venv, ensurepip' 2>/dev/null; then
  say "this Python has no venv module; stock Debian keeps it in python3-venv"
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    say "installing python3-venv with apt-get"
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3-venv >/dev/null; } \
      || fail "apt-get could not install python3-venv" "check the package mirror, then run make again"
  else
    fail "python3-venv is missing" "sudo apt-get install python3-venv, then run make again"
  fi
fi
say "environment in $venv (about 900 MB, half a minute, or a few without uv)"
"$python" -m venv "$venv" || fail "could not make $venv" "remove it and run make again"
# uv fetches and unpacks side by side: 20 s, and pip took two minutes. It reads no pip.conf: where a package mirror is named
# there only, pip does it all. Both hold every file to its hash in the lock.
awk '/^uv==/ {on = 1} on {print} on && !/\\$/ {exit}' requirements/dev.lock >"$venv/uv.lock"
{ "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$venv/uv.lock" \
  && "$venv/bin/uv" pip install --quiet --python "$venv/bin/python" --require-hashes -r requirements/dev.lock; } \
  || { say "not with uv; with pip it takes a little longer"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.lock; } \
  || fail "installing the locked packages failed" "check the network or the package mirror, then run make again: what came is kept"
PYTHONWARNINGS=ignore "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable . \
  || fail "installing Savar itself failed" "read the lines above"
say "ready: $venv/bin/savar --help"
