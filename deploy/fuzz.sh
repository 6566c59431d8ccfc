#!/usr/bin/env bash
# Fuzz decoders, a kind after the other, and show how much of them was reached. Usage: fuzz.sh PYTHON SECONDS KIND…
# The corpora stay in build/fuzz-corpus; what breaks a decoder is left beside as crash-…, and is a test then.
set -euo pipefail
python=$1 seconds=$2
shift 2
bash deploy/extra.sh "$python" build/fuzz atheris==3.0.0 coverage==7.17.5
PYTHONPATH=.:$("$python" -c 'import sysconfig; print(sysconfig.get_path("platlib"))')
export PYTHONPATH COVERAGE_FILE=build/fuzz/.coverage

about() { # KIND: the modules that its decoders stand in, beside their encoders
  case $1 in
    codes) echo codes passes short_passes tickets badges ;;
    batches) echo cbor batches records record_parts driver_records seal chain ;;
    receipts) echo signed receipts health sister standing topics ;;
    bundles) echo keys manifests bundles authority riders staff releases tariffs policies timetable ;;
    enrolment) echo claims enrolments certificates renewals ;;
    frames) echo frames link flight ;;
    statements) echo statements ;;
  esac
}

for kind in "$@"; do
  corpus=build/fuzz-corpus/$kind
  echo "fuzzing $kind for $seconds s …"
  build/fuzz/bin/python -m tests.fuzz.fuzz_decoders "$kind" "$corpus" -max_total_time="$seconds" -rss_limit_mb=1024 \
    -timeout=10 -artifact_prefix="$corpus-" -print_final_stats=1 >"$corpus.log" 2>&1 || { tail -n 40 "$corpus.log"; exit 1; }
  grep -E '^#[0-9]+[[:space:]]+DONE|stat::(number_of_executed|average_exec|peak_rss)' "$corpus.log"
  [ "$kind" = all ] && continue
  modules=$(about "$kind")
  build/fuzz/bin/coverage run --branch --include="*/${modules// /.py,*/}.py" -m tests.fuzz.fuzz_decoders "$kind" "$corpus" --replay
  build/fuzz/bin/coverage report
done
