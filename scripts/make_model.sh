#!/usr/bin/env bash
# Remakes the shipped model from its seeds: collect, pretrain, train. Hours on two cores; every step
# resumes, so run it again after a kill. The model lands in OUT/predictor/model (default runs/model)
# and replaces worldmodel/weights/default only when INSTALL=yes.
set -euo pipefail
cd "$(dirname "$0")/.."

armchair=.venv/bin/armchair
out=${OUT:-runs/model}
data=$out/episodes

"$armchair" collect --out "$data" --role train --episodes 459
"$armchair" pretrain --videos "$data" --store "$out/frames" --out "$out/encoder" \
    --steps 1400
# The shipped predictor ran for 45 minutes (1954 steps), its rate following the clock.
"$armchair" train --episodes "$data" --encoder "$out/encoder/encoder" --out "$out/predictor" \
    --steps 1954
# What `armchair imagine` shows with; not part of the model.
"$armchair" decoder --videos "$data" --store "$out/frames" --model "$out/predictor/model" \
    --out "$out/decoder" --steps 6000

if [ "${INSTALL:-}" = yes ]; then
    mkdir -p worldmodel/weights/default
    cp "$out"/predictor/model/* "$out"/decoder/decoder/* worldmodel/weights/default/
fi
