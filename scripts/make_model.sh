#!/usr/bin/env bash
# Remakes the shipped model from its seeds: collect, pretrain, train. Hours on two cores; every step
# resumes, so run it again after a kill. The model lands in OUT/predictor/model (default runs/model)
# and replaces worldmodel/weights/default only when INSTALL=yes.
set -euo pipefail
cd "$(dirname "$0")/.."

armchair=.venv/bin/armchair
out=${OUT:-runs/model}
train=$out/train validation=$out/validation

"$armchair" collect --out "$train" --role train --mix tasks --episodes 640
"$armchair" collect --out "$validation" --role validation --mix tasks --episodes 40
# The shipped model was trained by the clock, each run on one core and from the weights of the one
# before; these are the steps that the runs did.
"$armchair" pretrain --videos "$train" --store "$out/frames" --out "$out/encoder-1" --steps 4295
"$armchair" pretrain --videos "$train" --store "$out/frames" --out "$out/encoder" --steps 5770 \
    --init "$out/encoder-1/relay.safetensors" \
    --recipe.change.weight 3 --recipe.clips.batch 4 \
    --recipe.schedule.peak 1.5e-3 --recipe.schedule.decay-share 0.5 --watch "$validation"
"$armchair" train --episodes "$train" --held-out "$validation" \
    --encoder "$out/encoder-1/encoder" --cache "$out/tokens-1" --out "$out/predictor-1" \
    --steps 4290
"$armchair" train --episodes "$train" --held-out "$validation" \
    --encoder "$out/encoder/encoder" --cache "$out/tokens" --out "$out/predictor" \
    --init "$out/predictor-1/model" --seed 1 --steps 5391 --recipe.clips.gripping-share 0.2 \
    --recipe.schedule.decay-share 0.5
# What `armchair imagine` shows with; not part of the model.
"$armchair" decoder --videos "$train" --store "$out/frames" --model "$out/predictor/model" \
    --out "$out/decoder" --steps 6000

if [ "${INSTALL:-}" = yes ]; then
    mkdir -p worldmodel/weights/default
    cp "$out"/predictor/model/* "$out"/decoder/decoder/* worldmodel/weights/default/
fi
