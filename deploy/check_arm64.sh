#!/usr/bin/env bash
# Is every package of a lock file to be had as a wheel for a Raspberry Pi (64-bit, Python 3.11), at the locked version
# and with the locked hash? Usage: check_arm64.sh PIP FOLDER [LOCK]. picamera2 and lgpio come from apt there.
set -euo pipefail
pip=$1 folder=$2 lock=${3:-requirements/edge.lock}
say() { printf '\033[1m[arm64]\033[0m %s\n' "$*"; }

# pip takes a wheel only for the tags it is told, and does not expand them downwards: a wheel built for glibc 2.28 is
# not found by a tag of 2.34. So every one, from the oldest that is built for aarch64 to what Debian 12 (2.36) covers.
platforms=(--platform manylinux2014_aarch64)
for minor in $(seq 17 34); do platforms+=(--platform "manylinux_2_${minor}_aarch64"); done

rm -rf "$folder" && mkdir -p "$folder"
missing=0
while read -r requirement; do
  one=$folder/one.lock
  # The requirement with its hashes, as it stands: pip is held to the very files that were locked. One whose marker is
  # for another Python asks for nothing.
  awk -v want="$requirement" 'index($0, want " ") == 1 {on = 1} on {print} on && !/\\$/ {exit}' "$lock" >"$one"
  if ! "$pip" download --quiet --disable-pip-version-check --no-deps --require-hashes --only-binary=:all: \
    --implementation cp --python-version 3.11 "${platforms[@]}" --dest "$folder" -r "$one" 2>"$folder/why"; then
    missing=$((missing + 1))
    say "no wheel: $requirement"
    grep -E '^ERROR' "$folder/why" | head -2 >&2
  fi
done < <(grep -oE '^[A-Za-z0-9._-]+==[^ ]+' "$lock")
rm -f "$folder/one.lock" "$folder/why"

wheels=$(find "$folder" -name '*.whl' | wc -l)
native=$(find "$folder" -name '*_aarch64.whl' | wc -l)
newest=$(find "$folder" -name '*_aarch64.whl' -printf '%f\n' | grep -oE 'manylinux_2_[0-9]+' | sort -t_ -k3 -n | tail -1 || true)
say "$wheels wheels for $lock, $native of them built for aarch64 (the newest glibc one asks for: ${newest:-none})"
say "$(du -sh "$folder" | cut -f1) to carry, in $folder"
[ "$wheels" -gt 0 ] || { say "$lock names no package"; exit 1; }
[ $missing -eq 0 ] || { say "$missing packages have none: a Pi would have to compile them"; exit 1; }
