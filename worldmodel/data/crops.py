"""One random crop for all frames of a clip, resized to a square; needs torch."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from armchair.errors import BadValueError
from armchair.worldmodel.pixels import ASPECT_LIMITS


@dataclass(frozen=True, kw_only=True)
class CropConfig:
    """What is cut out of a frame; the defaults are V-JEPA 2's (appendix B.1)."""

    size: int = 128
    """Side of the square that comes out, pixels."""
    scale: tuple[float, float] = (0.3, 1.0)
    """Range of the crop's area as a share of the frame; (1, 1) and aspect (1, 1) is all of it."""
    aspect: tuple[float, float] = ASPECT_LIMITS
    """Range of the crop's width / height before it is resized to the square."""

    def __post_init__(self) -> None:
        if self.size < 1:
            raise BadValueError(f"crop size {self.size} must be at least 1 pixel.")
        for name, (low, high) in (("scale", self.scale), ("aspect", self.aspect)):
            if not 0 < low <= high:
                raise BadValueError(f"crop {name} ({low}, {high}) must be positive and ordered.")
        if self.scale[1] > 1:
            raise BadValueError(f"crop scale {self.scale} is a share of the frame, at most 1.")


@dataclass(frozen=True)
class Box:
    """A rectangle of a frame in pixels."""

    top: int
    left: int
    height: int
    width: int


def draw_box(height: int, width: int, config: CropConfig, generator: np.random.Generator) -> Box:
    """Return a crop of a frame (height, width): area uniform, aspect log-uniform, place uniform.

    A side that does not fit is cut to the frame's, which keeps the aspect within its range for
    frames whose own aspect is.
    """
    area = generator.uniform(*config.scale) * height * width
    low, high = config.aspect
    aspect = math.exp(generator.uniform(math.log(low), math.log(high)))
    crop_width = min(width, max(1, round(math.sqrt(area * aspect))))
    crop_height = min(height, max(1, round(math.sqrt(area / aspect))))
    top = int(generator.integers(height - crop_height + 1))
    left = int(generator.integers(width - crop_width + 1))
    return Box(top, left, crop_height, crop_width)


def crop_clip(frames: NDArray[np.uint8], box: Box, size: int) -> torch.Tensor:
    """Return frames (T, size, size, 3) uint8: the same box of all (T, H, W, 3), antialiased."""
    rows, columns = slice(box.top, box.top + box.height), slice(box.left, box.left + box.width)
    part = torch.from_numpy(np.require(frames[:, rows, columns], requirements=["C", "W"]))
    if (box.height, box.width) != (size, size):
        # Channels last and uint8: torch has a vectorised path for just this.
        part = F.interpolate(
            part.permute(0, 3, 1, 2), (size, size), mode="bilinear", antialias=True
        ).permute(0, 2, 3, 1)
    return part.contiguous()
