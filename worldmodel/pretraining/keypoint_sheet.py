"""A picture of the keypoints that pre-training found: one frame of each of some episodes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from armchair.errors import BadFileError
from armchair.worldmodel.data.episodes import EpisodeHandle
from armchair.worldmodel.encoder import FrameEncoder
from armchair.worldmodel.packed_tensors import read_packed
from armchair.worldmodel.pixels import central_crop
from armchair.worldmodel.pretraining.keypoints import Keypoints
from armchair.worldmodel.relay_files import beginning, load_relay_encoder
from armchair.worldmodel.statistics import layer_normalised
from armchair.worldmodel.tensor_files import fill

KEYPOINTS = "change.keypoints."
FIX = "Give the relay of a run of `armchair pretrain` with --recipe.change.keypoints."
FRAME_PX, COLUMNS, DOT_PX = 320, 4, 4
MOVES = 0.5
"""Mean spread over the frames, in patches, of a keypoint that is drawn: others found nothing."""
LOOKED_AT = 9
"""Frames of an episode, first to last, that this is seen over."""


def load_keypoints(relay: Path) -> tuple[FrameEncoder, Keypoints]:
    """Return the teacher of a relay and its keypoints; raises `BadFileError` where it has none."""
    found = beginning(read_packed(relay, FIX), KEYPOINTS)
    if "find.bias" not in found:
        raise BadFileError(relay, "it has no keypoints", FIX)
    encoder = load_relay_encoder(relay, fix=FIX)
    config = encoder.config
    count = len(found["find.bias"]) // 3
    keypoints = Keypoints(count, config.width, config.grid).requires_grad_(False)
    fill(keypoints, found, relay, FIX)
    return encoder, keypoints


@torch.no_grad()
def keypoint_sheet(
    encoder: FrameEncoder, keypoints: Keypoints, handles: Sequence[EpisodeHandle]
) -> NDArray[np.uint8]:
    """Return a picture (H, W, 3) RGB: the middle frame of each episode, keypoints by number.

    Which of them move is seen over `LOOKED_AT` frames of each.
    """
    height, width = encoder.config.image_shape
    middle = LOOKED_AT // 2
    frames, places = [], []
    for handle in handles:
        rows = np.linspace(0, handle.length - 1, LOOKED_AT).astype(int).tolist()
        clip = torch.from_numpy(handle.frames(rows))
        places.append(keypoints.place(keypoints(layer_normalised(encoder(clip)))))
        frames.append(central_crop(clip[middle : middle + 1], width / height)[0].numpy())
    found = torch.stack(places)  # (episodes, frames, count, 2)
    spread = found.flatten(0, 1).std(0).mean(-1)
    moving = [k for k in range(keypoints.count) if float(spread[k]) >= MOVES]
    shares = found[:, middle] / torch.tensor(encoder.config.grid) + 0.5
    drawn = [_drawn(frame, share, moving) for frame, share in zip(frames, shares, strict=True)]
    blank = np.full_like(drawn[0], 255)
    drawn += [blank] * (-len(drawn) % COLUMNS)
    lines = [np.hstack(drawn[start : start + COLUMNS]) for start in range(0, len(drawn), COLUMNS)]
    return np.vstack(lines)


def _drawn(
    frame: NDArray[np.uint8], places: torch.Tensor, chosen: Sequence[int]
) -> NDArray[np.uint8]:
    """Return a frame, scaled to a square, with keypoints `chosen` at shares (count, 2) of it."""
    picture = Image.fromarray(frame).resize((FRAME_PX, FRAME_PX), Image.Resampling.BICUBIC)
    canvas, font = ImageDraw.Draw(picture), ImageFont.load_default(size=11)
    for number in chosen:
        y, x = (FRAME_PX * float(share) for share in places[number])
        colour = f"hsl({round(360 * chosen.index(number) / len(chosen))}, 100%, 50%)"
        canvas.ellipse([x - DOT_PX, y - DOT_PX, x + DOT_PX, y + DOT_PX], outline=colour, width=2)
        canvas.text((x + DOT_PX, y - 2 * DOT_PX), str(number), fill=colour, font=font)
    return np.asarray(picture)
