#!/usr/bin/env bash
# All planners on the same 40 validation episodes of reach, grasp-box and pick-place-box, without
# controls, and their comparison with exact McNemar tests. Some ten hours of two cores, most for the
# paper's two; give names to play fewer: scripts/compare_planners.sh cem-waypoint cem icem
# Given again on the same commit, it goes on where it stopped: what is played is not played again.
set -euo pipefail
cd "$(dirname "$0")/.."

armchair=.venv/bin/armchair
out=${OUT:-runs/planners}
planners=("$@")
[ $# -gt 0 ] || planners=(cem-waypoint cem cem-fit cem-gradient gradient icem mppi random-shooting
    cem-paper cem-meta)

for planner in "${planners[@]}"; do
    "$armchair" evaluate --tasks reach grasp-box pick-place-box --episodes "${EPISODES:-40}" \
        --planner "$planner" --controls none --no-videos --workers "${WORKERS:-2}" \
        --out "$out/$planner"
done
"$armchair" compare --reports "${planners[@]/#/$out/}" --out "$out"
