#!/usr/bin/env bash
# Loads what `armchair export` writes with lerobot itself, in .venv-lerobot: lerobot pins other
# versions than Armchair. Called by `make test-lerobot`; the export comes out of .venv.
#
# lerobot is installed without its dependencies, and beside it only what LeRobotDataset imports.
# TORCH names the torch to take, outside lerobot's own pin: any will do for tensors of a dataset.
set -euo pipefail
cd "$(dirname "$0")/.."

LEROBOT=0.4.4
TORCH=${TORCH:-torch==2.13.0}
MARK=.venv-lerobot/.installed-$LEROBOT

if [ ! -f "$MARK" ]; then
    printf '%s\n' "armchair: creating .venv-lerobot" >&2
    .venv/bin/python -m venv --clear .venv-lerobot
    install() { .venv-lerobot/bin/python -m pip install --quiet --disable-pip-version-check "$@"; }
    install "$TORCH" 'av>=15,<16' 'datasets>=4,<5' deepdiff 'draccus==0.10.0' einops \
        'huggingface-hub<0.36' jsonlines packaging 'pandas<3' pillow psutil pyarrow safetensors \
        termcolor
    # The last torchvision that has the video reader which lerobot's PyAV backend uses.
    install --no-deps "lerobot==$LEROBOT" torchvision==0.25.0 'accelerate>=1.10,<2'
    touch "$MARK"
fi

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
.venv/bin/python -m tests.export.make_dataset "$folder"
HF_HUB_OFFLINE=1 HF_HOME="$folder/cache" \
    .venv-lerobot/bin/python -W ignore tests/export/load_with_lerobot.py "$folder"
