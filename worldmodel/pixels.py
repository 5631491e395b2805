"""From camera frames to what the encoder sees: check, crop, resize, normalise."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from armchair.errors import BadValueError

IMAGE_MEAN = (0.485, 0.456, 0.406)
IMAGE_STD = (0.229, 0.224, 0.225)
"""ImageNet statistics of RGB in [0, 1]; V-JEPA 2 was trained with them."""
ASPECT_LIMITS = (0.75, 1.35)
"""Width / height outside these is cropped centrally (V-JEPA 2 appendix B.1: in effect
deterministic, the central 1.35 crop of a 16:9 frame and the whole of a square one)."""


def check_frames(frames: Tensor | NDArray[np.uint8]) -> Tensor:
    """Return frames (B, H, W, 3) as a uint8 tensor, or raise `BadValueError` with what was seen."""
    if frames.dtype not in (torch.uint8, np.uint8):
        raise BadValueError(
            f"frames have dtype {frames.dtype}, expected uint8 in 0 … 255. "
            "Convert with (255 * frames).round().astype('uint8') if they are in 0 … 1."
        )
    if isinstance(frames, np.ndarray):  # copied if read-only or flipped, as cameras give them
        frames = torch.from_numpy(np.require(frames, requirements=["C", "W"]))
    tensor = frames
    if tensor.ndim != 4 or tensor.shape[-1] != 3:
        raise BadValueError(
            f"frames have shape {tuple(tensor.shape)}, expected (batch, height, width, 3): RGB, "
            "channels last. Move the channels or add the batch axis."
        )
    if min(tensor.shape) == 0:
        raise BadValueError(f"frames have shape {tuple(tensor.shape)}: there is nothing to encode.")
    return tensor


def central_crop(frames: Tensor, aspect: float = 1.0) -> Tensor:
    """Return (B, H, W, 3) cropped centrally to a width / height within limits.

    These are `ASPECT_LIMITS` times `aspect`, the width / height that it is resized to.
    """
    height, width = frames.shape[1:3]
    narrowest, widest = (limit * aspect for limit in ASPECT_LIMITS)
    keep_h, keep_w = height, width
    if width > widest * height:
        keep_w = round(height * widest)
    elif width < narrowest * height:
        keep_h = round(width / narrowest)
    top, left = (height - keep_h) // 2, (width - keep_w) // 2
    return frames[:, top : top + keep_h, left : left + keep_w]


def normalise(pixels: Tensor) -> Tensor:
    """Return float pixels (..., 3, S, S) in 0 … 255 with the ImageNet mean 0 and deviation 1."""
    mean = torch.tensor(IMAGE_MEAN, device=pixels.device).view(3, 1, 1) * 255.0
    std = torch.tensor(IMAGE_STD, device=pixels.device).view(3, 1, 1) * 255.0
    return (pixels - mean) / std


def preprocess(frames: Tensor | NDArray[np.uint8], size: tuple[int, int]) -> Tensor:
    """Return normalised float32 pixels (B, 3, *size) of uint8 frames (B, H, W, 3).

    Frames are cropped centrally to a legal aspect, then resized bilinearly with antialiasing.
    Raises `BadValueError` on a wrong dtype or shape.
    """
    height, width = size
    pixels = central_crop(check_frames(frames), width / height).permute(0, 3, 1, 2).float()
    if pixels.shape[-2:] != size:
        pixels = F.interpolate(pixels, size, mode="bilinear", align_corners=False, antialias=True)
    return normalise(pixels)
