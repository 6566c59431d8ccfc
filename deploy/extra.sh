#!/usr/bin/env bash
# An environment of its own for a tool that the lock leaves out. Usage: extra.sh PYTHON FOLDER REQUIREMENT
set -euo pipefail
python=$1 folder=$2 requirement=$3
[ -e "$folder/.ready" ] && exit 0
mkdir -p "$folder-corpus"
"$python" -m venv "$folder" && "$folder/bin/python" -m pip install --quiet --disable-pip-version-check "$requirement" \
  && touch "$folder/.ready" \
  || { echo "could not install $requirement: check the network or the package mirror, then run it again" >&2; exit 1; }
