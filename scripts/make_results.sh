#!/usr/bin/env bash
# Measures again what docs/results.md reports, on role validation, and prints both. Role test is run
# once per released model, by hand: armchair evaluate --role test --record …
set -euo pipefail
cd "$(dirname "$0")/.."

armchair=.venv/bin/armchair
out=${OUT:-runs/results}

"$armchair" evaluate --tasks reach --episodes 50 --planner cem-waypoint --model default \
    --out "$out/reach" --overwrite
"$armchair" collect --out "$out/episodes" --role validation --episodes 60
"$armchair" infer --episodes "$out/episodes" --search.pairs.count 500 --out "$out/inference.json"
"$armchair" bench --out "$out/bench.json"
cat docs/results.md "$out/reach/report.md"
