#!/usr/bin/env bash
# Remakes the shipped model from its seeds: collect, pretrain, train. A day of two cores; every
# step resumes, so run it again after a kill. The model lands in OUT/predictor/model (default runs/model)
# and replaces worldmodel/weights/default only when INSTALL=yes.
#
# The shipped model was trained in pieces, each from the weights of the one before, as it was found out
# what helps; the first by the clock, so that these are the steps that they did. Glides were collected by
# earlier states of their behaviour: the same seeds and settings give others today. The last encoder itself
# is docs/runs/relays/uniform.safetensors.
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
glides() { # SEED EPISODES [OPTIONS]: hand, fingers and object glide along straight lines
    "$armchair" collect --out "$out/glides-$1" --role train --seed "$1" --episodes "$2" "${@:3}"
}
alone=(--objects box=0.5 cup=0.5 --behaviours glide=1)
glides 8 336 "${alone[@]}"
glides 9 705 "${alone[@]}"
glides 12 756 "${alone[@]}"
glides 13 762 "${alone[@]}"
glides 14 403 "${alone[@]}"
glides 15 457 "${alone[@]}"
glides 16 484 "${alone[@]}"
resting() { # SEED EPISODES [OPTIONS]: the fingers alone glide
    "$armchair" collect --out "$out/resting-$1" --role train --seed "$1" --episodes "$2" \
        --objects box=0.5 cup=0.5 --behaviours glide_fingers=1 "${@:3}"
}
resting 15 270
resting 17 1000 --rows 60
both=(--mix uniform --cameras left right)
glides 19 646 "${both[@]}"
glides 20 645 "${both[@]}"
glides 21 448 "${both[@]}"
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
pretrain --out "$out/encoder-5" --init "$out/encoder-4/relay.safetensors" --steps 4500 \
    "${keypoints[@]}" --recipe.change.linear 0.5 --recipe.schedule.decay-share 0.6

# Uniform motion instead of eq. (1): by InfoNCE; number by number; of eight numbers, with more glides;
# with noise, and the fingers alone; with two cameras.
uniform() { # OUT INIT STEPS CROP FOLDERS [OPTIONS]
    local folders=()
    for name in $5; do folders+=("$out/$name"); done
    "$armchair" pretrain --store "$out/frames" --out "$out/$1" --init "$out/$2" --steps "$3" --seed 7 \
        --uniform "${folders[@]}" --watch "$validation" --recipe.clips.batch 0 \
        --recipe.clips.crop-scale "$4" 1 --recipe.clips.crop-aspect 0.99 1.01 \
        --recipe.change.even --recipe.change.recolour 1 --recipe.change.keypoints 32 \
        --recipe.change.code 16 --recipe.change.linear 0.5 --recipe.change.pairs 16 \
        --recipe.uniform.triples 64 --recipe.schedule.peak 1e-3 "${@:6}"
}
first=(--videos "$tasks")
precise=(--recipe.schedule.decay-share 0.5 --recipe.uniform.precision 1)
eight=("${precise[@]}" --recipe.uniform.directions 8 --recipe.uniform.recolour 0.3)
noisy=("${eight[@]}" --recipe.uniform.noise 0.02 --videos "$tasks" "$out/fingers-2" "$out/fingers-3")
late="glides-14 glides-15 glides-16 glides-19 glides-20"
uniform encoder-6 encoder-5/encoder 2073 0.95 "glides-8 glides-9" "${first[@]}" \
    --recipe.schedule.decay-share 0
uniform encoder-7 encoder-6/relay.safetensors 3100 0.98 "glides-8 glides-9" "${first[@]}" "${precise[@]}"
uniform encoder-8 encoder-7/relay.safetensors 3500 0.98 "glides-8 glides-12 glides-13" \
    "${first[@]}" "${eight[@]}"
uniform encoder-9 encoder-8/relay.safetensors 2800 0.98 \
    "glides-12 glides-13 glides-14 glides-15 glides-16 resting-15" "${noisy[@]}"
uniform encoder-10 encoder-9/relay.safetensors 4000 0.98 "$late resting-17" "${noisy[@]}" \
    --recipe.uniform.views 1
uniform encoder encoder-10/relay.safetensors 2700 0.98 "$late glides-21 resting-17" "${noisy[@]}" \
    --recipe.uniform.views 1

# The predictor: on the first encoder, the second, the fifth, the eighth, the ninth and the last.
train() { # OUT ENCODER STEPS SEED [OPTIONS]
    "$armchair" train --held-out "$validation" --out "$out/$1" --encoder "$out/$2/encoder" \
        --cache "$out/tokens-$2" --steps "$3" --seed "$4" "${@:5}"
}
on() { # FROM GRIPPING OUT ENCODER STEPS SEED [OPTIONS]: go on from weights, so many clips gripping
    train "${@:3}" --init "$out/$1/model" --recipe.clips.gripping-share "$2" \
        --recipe.schedule.decay-share 0.5
}
few=(--episodes "$tasks")
many=(--episodes "$tasks" "$out/fingers-2" "$out/fingers-3")
train predictor-1 encoder-1 4290 0 "${few[@]}"
on predictor-1 0.2 predictor-2 encoder-2 5391 1 "${few[@]}"
on predictor-2 0.2 predictor-3 encoder-5 4000 2 "${many[@]}"
on predictor-3 0.2 predictor-4 encoder-5 6000 2 "${many[@]}"
on predictor-4 0.2 predictor-5 encoder-8 6500 2 "${many[@]}"
on predictor-5 0.3 predictor-6 encoder-9 3500 3 "${many[@]}"
on predictor-6 0.3 predictor encoder 6000 4 "${many[@]}"

# What `armchair imagine` shows with; not part of the model.
"$armchair" decoder --videos "$tasks" --store "$out/frames" --model "$out/predictor/model" \
    --out "$out/decoder" --steps 3500

if [ "${INSTALL:-}" = yes ]; then
    mkdir -p worldmodel/weights/default
    cp "$out"/predictor/model/{config.json,model.safetensors} "$out"/decoder/decoder/* \
        worldmodel/weights/default/
fi
