#!/usr/bin/env bash
# Fuzz decoders, a kind after the other, and show how much of them was reached. Usage: fuzz.sh PYTHON SECONDS KIND…
# `all` is every kind together, `each` every kind by itself.
# The corpora stay in build/fuzz-corpus; what breaks a decoder is left beside as crash-…, and is a test then.
set -euo pipefail
python=$1 seconds=$2
shift 2
bash deploy/extra.sh "$python" build/fuzz atheris==3.0.0 coverage==7.17.5
PYTHONPATH=.:$("$python" -c 'import sysconfig; print(sysconfig.get_path("platlib"))')
export PYTHONPATH
fuzz=(build/fuzz/bin/python -m tests.fuzz.fuzz_decoders)
[ "$*" = each ] && read -ra kinds <<<"$("${fuzz[@]}" --kinds)" || kinds=("$@")

for kind in "${kinds[@]}"; do
  corpus=build/fuzz-corpus/$kind
  echo "fuzzing $kind for $seconds s …"
  "${fuzz[@]}" "$kind" "$corpus" -max_total_time="$seconds" -rss_limit_mb=1024 -timeout=10 -artifact_prefix="$corpus-" \
    -print_final_stats=1 2>&1 | tee "$corpus.log" \
    | { grep --line-buffered -E '^#[0-9]+[[:space:]]+(pulse|DONE)|stat::(number_of_executed|average_exec|peak_rss)' || true; } \
    || { tail -n 40 "$corpus.log"; exit 1; }
  [ "$kind" = all ] && continue
  export COVERAGE_FILE=build/fuzz/.coverage-$kind # kinds may be fuzzed beside each other
  build/fuzz/bin/coverage run --branch --omit="tests/*" --include="$("${fuzz[@]}" "$kind" --modules)" -m tests.fuzz.fuzz_decoders "$kind" "$corpus" --replay
  build/fuzz/bin/coverage report
done
