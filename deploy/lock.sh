#!/usr/bin/env bash
# Renew the lock files: exact versions with hashes, naming no index address.
set -euo pipefail
uv=$1
compile() { "$uv" pip compile pyproject.toml --generate-hashes --no-emit-index-url --no-annotate --no-header \
  --python-version 3.11 --universal --quiet --upgrade "${@:2}" -o "requirements/$1.lock"; }
compile dev --extra dev
compile edge --extra edge
compile backend --extra backend
