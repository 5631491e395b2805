"""What the shipped encoder's network tells a linear reader once it is trained on, with labels.

    python scripts/bound_labels.py --out runs/bound    # some 40 minutes of a core, 3 GB of memory

Both folders of data are as scripts/make_model.sh collects them. A measure and no model: it reads
flange and object positions from the files, which pre-training may not. The encoder goes on from
`default`, with a linear map of its LayerNormed tokens to both positions, in Huber's loss; then
`armchair inspect` probes it as any other. The table goes to docs/ablations.md.
"""

from __future__ import annotations

import argparse
import json
import shlex
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from ablation import PAGE, run, write_between
from torch import Tensor, nn

from armchair.evaluation import markdown
from armchair.evaluation.probe_labels import read_labels
from armchair.evaluation.provenance import in_short
from armchair.worldmodel.data.episodes import DroidEpisodes
from armchair.worldmodel.data.frame_store import StoreConfig, update_store
from armchair.worldmodel.encoder import FrameEncoder
from armchair.worldmodel.encoder_files import save_encoder
from armchair.worldmodel.optimisation.adamw import AdamWConfig, Optimiser
from armchair.worldmodel.optimisation.schedule import Schedule
from armchair.worldmodel.pixels import preprocess
from armchair.worldmodel.precision import autocast
from armchair.worldmodel.sources import load_frame_encoder
from armchair.worldmodel.statistics import layer_normalised

MODEL = Path("runs/model")
BEGIN, END = "<!-- labels: begin -->", "<!-- labels: end -->"
LABELS = ("flange position", "object position")
BATCH = 64
SCHEDULE = Schedule(peak=1e-3, warmup_share=0.0125, decay_share=0.4)
LOG_STEPS = 100
SMALL = 0.1
"""Errors below it, in standard deviations, count squared, those above linearly."""


def frames_and_labels(fit: Path, store: Path) -> tuple[Tensor, Tensor]:
    """Return pixels (F, S, S, 3) uint8 of every fourth row, and both positions (F, 6) in metres."""
    episodes, config = list(DroidEpisodes(fit)), StoreConfig()
    stored = update_store(store, [episode.video_path for episode in episodes], config)
    labels = []
    for episode, (_, count) in zip(episodes, stored.episodes, strict=True):
        known = read_labels(episode)
        rows = np.concatenate([known[name] for name in LABELS], axis=1)[:: config.row_stride]
        labels.append(rows[:count])
    frames = torch.from_numpy(np.array(stored.frames[:]))
    return frames, torch.from_numpy(np.concatenate(labels)).float()


def learn(
    encoder: FrameEncoder, frames: Tensor, labels: Tensor, steps: int, seed: int
) -> nn.Linear:
    """Train the encoder and, returned, a linear map from its tokens to standardised labels."""
    config = encoder.config
    reader = nn.Linear(config.tokens_per_frame * config.width, labels.shape[1])
    nn.init.zeros_(reader.weight)
    aim = (labels - labels.mean(0)) / labels.std(0)
    optimiser = Optimiser([encoder, reader], AdamWConfig(weight_decay=0.02))
    generator, seen = torch.Generator().manual_seed(seed), 0.0
    for step in range(steps):
        rows = torch.randint(len(frames), (BATCH,), generator=generator)
        with autocast("cpu"):
            raw = encoder.encode_stills(preprocess(frames[rows], config.image_shape))
        found = reader(layer_normalised(raw).flatten(1))
        loss = F.smooth_l1_loss(found, aim[rows], beta=SMALL)
        optimiser.step(loss, SCHEDULE.rate(step / steps))
        seen += float(loss.detach())
        if (step + 1) % LOG_STEPS == 0:
            print(f"step {step + 1}  loss {seen / LOG_STEPS:.4f}", flush=True)
            seen = 0.0
    return reader


def encoders(options: argparse.Namespace) -> dict[str, str]:
    """Return what is probed: in words, and as `--model` names it."""
    return {"as it ships": "default", "trained on, with labels": str(options.out / "encoder")}


def inspect_command(options: argparse.Namespace, model: str) -> tuple[list[str], Path]:
    """Return the command that probes a model, and the file that it leaves."""
    scores = options.out / f"{Path(model).name}.json"
    command = ["inspect", str(options.test), "--model", model, "--fit", str(options.fit)]
    return [*command, "--probes", str(scores)], scores


def table(options: argparse.Namespace) -> str:
    """Return the Markdown of what `inspect` found."""
    rows, commands, content = [], [], dict[str, Any]()
    for words, model in encoders(options).items():
        command, scores = inspect_command(options, model)
        content = json.loads(scores.read_text())
        found = (content["probes"][name] for name in LABELS)
        cells = [f"{one['ridge']:.2f} / {one['attentive']:.2f}" for one in found]
        rows.append([words, *cells])
        commands.append(f"`{shlex.join(['armchair', *command])}`")
    return "\n".join(
        [
            f"{options.steps} steps of {BATCH} frames; ridge regression / attentive probe, fitted "
            f"on {content['fitted_on']} episodes and tested on {content['episodes']} others, by "
            f"{' and '.join(commands)}; code `{in_short(content['code'])}`, "
            f"{content['processor']}, {date.today()}.",
            "",
            markdown.table(["encoder", *(f"{name}, cm" for name in LABELS)], rows),
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--fit", type=Path, default=MODEL / "train", help="to learn and fit from")
    parser.add_argument("--test", type=Path, default=MODEL / "validation", help="held out")
    parser.add_argument("--out", type=Path, required=True, help="encoder, frames and scores")
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--table", action="store_true", help="only write what has been probed")
    options = parser.parse_args()
    learnt = options.out / "encoder"
    if not options.table and not learnt.exists():
        torch.manual_seed(options.seed)
        encoder = load_frame_encoder("default").float().requires_grad_(True).train()
        frames, labels = frames_and_labels(options.fit, options.out / "frames")
        learn(encoder, frames, labels, options.steps, options.seed)
        save_encoder(learnt, encoder.requires_grad_(False).eval())
    if not options.table:
        for model in encoders(options).values():
            run(*inspect_command(options, model))
    write_between(PAGE, BEGIN, END, table(options))


if __name__ == "__main__":
    main()
