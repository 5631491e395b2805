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
# The shipped encoder is older than the present recipe: larger, on eq. (1) alone.
"$armchair" pretrain --videos "$data" --store "$out/frames" --out "$out/encoder" \
    --steps 1400 --recipe.change.pairs 0 --recipe.encoder.width 256 \
    --recipe.predictor.width 128 --recipe.predictor.depth 3 \
    --recipe.clips.batch 64 --recipe.clips.crop-scale 0.5 1.0 --recipe.clips.crop-aspect 0.75 1.35 \
    --recipe.schedule.peak 6e-4 --recipe.schedule.warmup-share 0.05 --recipe.schedule.decay-share 0.2
# The shipped predictor was trained in three runs by the clock (45, 62 and 34 minutes, the last two
# on one core); these are the steps that they did.
"$armchair" train --episodes "$data" --encoder "$out/encoder/encoder" --cache "$out/tokens" \
    --out "$out/predictor-1" --steps 1954
"$armchair" train --episodes "$data" --encoder "$out/encoder/encoder" --cache "$out/tokens" \
    --out "$out/predictor-2" --init "$out/predictor-1/model" --seed 1 --steps 1717 \
    --recipe.schedule.peak 6e-4 --recipe.schedule.warmup-share 0.03 \
    --recipe.schedule.decay-share 0.35
"$armchair" train --episodes "$data" --encoder "$out/encoder/encoder" --cache "$out/tokens" \
    --out "$out/predictor" --init "$out/predictor-2/model" --seed 2 --steps 1039 \
    --recipe.schedule.peak 5e-4 --recipe.schedule.warmup-share 0.03 \
    --recipe.schedule.decay-share 0.5
# What `armchair imagine` shows with; not part of the model.
"$armchair" decoder --videos "$data" --store "$out/frames" --model "$out/predictor/model" \
    --out "$out/decoder" --steps 6000

if [ "${INSTALL:-}" = yes ]; then
    mkdir -p worldmodel/weights/default
    cp "$out"/predictor/model/* "$out"/decoder/decoder/* worldmodel/weights/default/
fi
