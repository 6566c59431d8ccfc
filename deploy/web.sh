#!/usr/bin/env bash
# Build the pages of web/ with Node of the environment, unless what they are made of is unchanged.
# Usage: web.sh VENV [check] : with `check` also svelte-check and vitest.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=$(cd "$1" && pwd) check=${2:-}
export PATH="$venv/bin:$PATH" npm_config_update_notifier=false
say() { printf '\033[1m[web]\033[0m %s\n' "$*"; }
fail() { printf '\033[1;31m[web]\033[0m %s\n        → %s\n' "$1" "$2" >&2; exit 1; }
digest() { sha256sum "$@" | sha256sum | cut -c1-32; }

mkdir -p build/web
locked=$(digest web/package-lock.json web/package.json web/*/package.json)
if [ "$(cat web/node_modules/.savar-lock 2>/dev/null)" != "$locked" ]; then
  say "packages of the pages, from web/package-lock.json (about 140 MB, half a minute)"
  (cd web && npm ci --silent --no-fund --no-audit) || fail "npm ci failed" "check the network or the package mirror, then run make again"
  echo "$locked" >web/node_modules/.savar-lock
fi
python web/tools/generate.py build/web/generated
python web/tools/passenger_font.py build/web/generated
# Everything the pages are made of: their own files, the lock, and what was generated out of protocol/ and edge/.
mapfile -t made_of < <(find web build/web/generated -type f -not -path 'web/node_modules/*' -not -name '*.d.ts' | LC_ALL=C sort)
state=$(digest "${made_of[@]}")
if [ "$(cat build/web/.built 2>/dev/null)" != "$state" ]; then
  rm -f build/web/.checked
  (cd web && for api in onboard office; do
    npx --no-install openapi-typescript "../build/web/generated/$api.json" -o "../build/web/generated/$api.d.ts" >/dev/null || exit 1
  done && npm run --silent build -- --logLevel warn && npm run --silent build-office -- --logLevel warn \
    && npm run --silent build-passenger -- --logLevel warn && npm run --silent build-pass -- --logLevel warn \
    && npm run --silent package-pass) || fail "the pages do not build" "read the lines above"
  # A host's page as it would be served: its own files, the package beside them, the letters that it shows.
  rm -rf build/web/host-example && cp -r web/host-example build/web/host-example && mkdir build/web/host-example/savar-pass
  cp build/web/pass/*.js build/web/host-example/savar-pass/
  cp build/web/generated/Vazirmatn-passenger.woff2 build/web/host-example/
  echo "$state" >build/web/.built
  say "built: build/web/onboard, build/web/office, build/web/passenger, build/web/pass, build/web/host-example"
fi
if [ "$check" = check ] && [ "$(cat build/web/.checked 2>/dev/null)" != "$state" ]; then
  (cd web && npm run --silent check && npm test --silent && npm run --silent test-built) || fail "the pages' own checks fail" "read the lines above"
  echo "$state" >build/web/.checked
fi
