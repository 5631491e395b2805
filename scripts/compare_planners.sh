#!/usr/bin/env bash
# All planners on the same 40 validation episodes of reach, grasp-box and pick-place-box, without
# controls, and their comparison with exact McNemar tests. Some ten hours of two cores, most for the
# paper's two; give names to play fewer: scripts/compare_planners.sh cem-waypoint cem icem
# A name may have options: cem:samples=64,iterations=4
# Given again on the same commit, it goes on where it stopped: what is played is not played again.
set -euo pipefail
cd "$(dirname "$0")/.."

armchair=.venv/bin/armchair
out=${OUT:-runs/planners}
planners=("$@")
[ $# -gt 0 ] || planners=(cem-waypoint cem cem-fit cem-gradient gradient icem mppi random-shooting
    cem-paper cem-meta)

folders=()
for entry in "${planners[@]}"; do
    planner=${entry%%:*} options=()
    [ "$planner" = "$entry" ] || IFS=, read -ra options <<<"${entry#*:}"
    folders+=("$out/$entry")
    "$armchair" evaluate --tasks reach grasp-box pick-place-box --episodes "${EPISODES:-40}" \
        --planner "$planner" --planner-options ${options[@]+"${options[@]}"} --controls none \
        --no-videos --workers "${WORKERS:-2}" --out "$out/$entry"
done
[ ${#folders[@]} -gt 1 ] || exit 0 # one alone is compared with nothing
"$armchair" compare --reports "${folders[@]}" --out "$out"
