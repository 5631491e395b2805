#!/usr/bin/env bash
# Remakes the shipped model from its seeds: collect, pretrain, train. Most of a day on two cores; every
# step resumes, so run it again after a kill. The model lands in OUT/predictor/model (default runs/model)
# and replaces worldmodel/weights/default only when INSTALL=yes.
#
# The shipped model was trained in pieces, each from the weights of the one before, as it was found out
# what helps; the first by the clock, so that these are the steps that they did.
set -euo pipefail
cd "$(dirname "$0")/.."

armchair=.venv/bin/armchair
out=${OUT:-runs/model}
tasks=$out/train rearranged=$out/rearranged validation=$out/validation

fingers() { # SEED EPISODES: the hand opens and closes, at and beside an object
    "$armchair" collect --out "$out/fingers-$1" --role train --behaviours fingers=1 \
        --objects box=0.5 cup=0.5 --seed "$1" --episodes "$2" --rows 80
}
"$armchair" collect --out "$tasks" --role train --mix tasks --episodes 640
"$armchair" collect --out "$rearranged" --role train --mix rearranged --seed 1 --episodes 320
fingers 2 240
fingers 3 480
"$armchair" collect --out "$validation" --role validation --mix tasks --episodes 40

# The encoder: eq. (1) and painting changes; every pair of frames alike; keypoints; and those linear.
pretrain() { "$armchair" pretrain --store "$out/frames" --recipe.clips.batch 4 "$@"; }
"$armchair" pretrain --videos "$tasks" --store "$out/frames" --out "$out/encoder-1" --steps 4295
pretrain --videos "$tasks" --out "$out/encoder-2" --init "$out/encoder-1/relay.safetensors" \
    --steps 5770 --recipe.change.weight 3 --recipe.schedule.peak 1.5e-3 \
    --recipe.schedule.decay-share 0.5 --watch "$validation"
even=(--recipe.change.weight 3 --recipe.change.even --recipe.clips.crop-scale 0.85 1
    --recipe.clips.crop-aspect 0.95 1.05 --watch "$validation")
pretrain --videos "$tasks" "$rearranged" --out "$out/encoder-3" \
    --init "$out/encoder-2/relay.safetensors" --steps 8000 "${even[@]}" \
    --recipe.schedule.peak 1.5e-3 --recipe.schedule.decay-share 0.5
keypoints=("${even[@]}" --videos "$tasks" "$rearranged" "$out/fingers-2" "$out/fingers-3" --seed 6
    --recipe.change.recolour 1 --recipe.change.keypoints 32 --recipe.change.code 16
    --recipe.schedule.peak 1.2e-3)
pretrain --out "$out/encoder-4" --init "$out/encoder-3/encoder" --steps 3036 "${keypoints[@]}" \
    --recipe.schedule.decay-share 0
pretrain --out "$out/encoder" --init "$out/encoder-4/relay.safetensors" --steps 4500 \
    "${keypoints[@]}" --recipe.change.linear 0.5 --recipe.schedule.decay-share 0.6

# The predictor: on the first encoder, the second, the last.
train() { "$armchair" train --held-out "$validation" "$@"; }
gripping=(--recipe.clips.gripping-share 0.2 --recipe.schedule.decay-share 0.5)
train --episodes "$tasks" --encoder "$out/encoder-1/encoder" --cache "$out/tokens-1" \
    --out "$out/predictor-1" --steps 4290
train --episodes "$tasks" --encoder "$out/encoder-2/encoder" --cache "$out/tokens-2" \
    --out "$out/predictor-2" --init "$out/predictor-1/model" --seed 1 --steps 5391 "${gripping[@]}"
last=(--episodes "$tasks" "$out/fingers-2" "$out/fingers-3" --encoder "$out/encoder/encoder"
    --cache "$out/tokens" "${gripping[@]}" --seed 2)
train "${last[@]}" --out "$out/predictor-3" --init "$out/predictor-2/model" --steps 4000
train "${last[@]}" --out "$out/predictor" --init "$out/predictor-3/model" --steps 6000

# What `armchair imagine` shows with; not part of the model.
"$armchair" decoder --videos "$tasks" --store "$out/frames" --model "$out/predictor/model" \
    --out "$out/decoder" --steps 6000

if [ "${INSTALL:-}" = yes ]; then
    mkdir -p worldmodel/weights/default
    cp "$out"/predictor/model/{config.json,model.safetensors} "$out"/decoder/decoder/* \
        worldmodel/weights/default/
fi
