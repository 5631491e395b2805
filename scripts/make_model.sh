#!/usr/bin/env bash
# Remakes the shipped model from its seeds: collect, pretrain, train. Hours on two cores; every step
# resumes, so run it again after a kill. The model lands in OUT/predictor/model (default runs/model)
# and replaces worldmodel/weights/default only when INSTALL=yes.
set -euo pipefail
cd "$(dirname "$0")/.."

armchair=.venv/bin/armchair
out=${OUT:-runs/model}
data=$out/episodes

"$armchair" collect --out "$data/train" --role train --episodes 700
"$armchair" collect --out "$data/validation" --role validation --episodes 60
"$armchair" pretrain --videos "$data/train" --store "$data/frames" --out "$out/encoder" \
    --steps 1400 --recipe.clips.still-share 0.75 --recipe.clips.crop-scale 0.5 1.0
"$armchair" train --episodes "$data/train" --held-out "$data/validation" \
    --encoder "$out/encoder/encoder" --out "$out/predictor" --steps 4000

if [ "${INSTALL:-}" = yes ]; then
    mkdir -p worldmodel/weights/default
    cp "$out"/predictor/model/* worldmodel/weights/default/
fi
