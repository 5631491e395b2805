#!/usr/bin/env bash
# Measures again, on role validation, what docs/results.md reports of the shipped model: every task
# with its controls, action inference and rollouts, speed. Hours of two cores at these
# sizes; set EPISODES, SEED, TASKS, CONTROLS and PAIRS for others. Given again on the same commit, it
# goes on. The experts alone, 100 episodes a task: scripts/measure_experts.py. Role test is run once
# per released model, by hand: armchair evaluate --role test --record …
set -euo pipefail
cd "$(dirname "$0")/.."

armchair=.venv/bin/armchair
out=${OUT:-runs/results}
# shellcheck disable=SC2206  # both may hold several names
tasks=(${TASKS:-all}) controls=(${CONTROLS:-all})

"$armchair" evaluate --tasks "${tasks[@]}" --episodes "${EPISODES:-10}" --seed "${SEED:-1}" \
    --controls "${controls[@]}" --no-videos --out "$out/tasks"
"$armchair" collect --role validation --mix tasks --episodes 40 --out "$out/episodes"
"$armchair" infer --episodes "$out/episodes" --search.pairs.count "${PAIRS:-500}" \
    --out "$out/inference.json"
"$armchair" bench --out "$out/bench.json"
cat "$out/tasks/report.md"
