#!/usr/bin/env bash
# An environment of its own for a tool that the lock leaves out. Usage: extra.sh PYTHON FOLDER REQUIREMENT…
set -euo pipefail
python=$1 folder=$2
shift 2
ready=$folder/.ready
[ "$(cat "$ready" 2>/dev/null)" = "$*" ] && exit 0
mkdir -p "$(dirname "$folder")"
"$python" -m venv "$folder" && "$folder/bin/python" -m pip install --quiet --disable-pip-version-check "$@" \
  && echo "$*" >"$ready" \
  || { echo "could not install $*: check the network or the package mirror, then run it again" >&2; exit 1; }
