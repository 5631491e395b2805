"""A second objective on video alone: paint what changes from one frame to another of a video.

The encoder sees two frames, each alone. A linear map reads the tokens of the second into a code of
a few numbers; a small decoder sees the tokens of the first and that code, and paints the difference
of the two pictures. All that stands still can be taken from the first frame, so the few numbers
must say where everything that moves has gone, and the encoder must make that easy to read. No
state, action or label is involved; the code is kin to the latent actions of Genie (Bruce et al.,
2024), and not part of V-JEPA 2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import VJEPA2Model

from armchair.errors import BadValueError, check_counts
from armchair.worldmodel.data.frame_store import FrameStore
from armchair.worldmodel.encoder import EncoderConfig
from armchair.worldmodel.fast_layers import through_layers, video_tables
from armchair.worldmodel.pretraining.keypoints import Keypoints
from armchair.worldmodel.statistics import layer_normalised

LEAST_CHANGE = 2e-3
"""Mean square of normalised pixels' change below which an even pair counts less: a small object
that moved makes some twenty times as much."""


@dataclass(frozen=True, kw_only=True)
class ChangeConfig:
    """Size and share of the objective; the decoder is thrown away after pre-training."""

    pairs: int = 0
    """Pairs of frames per step, beside the batch of eq. (1); 0 leaves eq. (1) alone."""
    weight: float = 1.0
    """Weight of the loss (a share of the error of copying) beside the L1 of eq. (1)."""
    even: bool = False
    """Whether all pairs count alike, however little changes between them, or all pixels."""
    recolour: float = 0.0
    """How far, 0 to 1, the second frame's colours are turned before it is seen: what the code says
    is painted in the first frame's, so that it must say where things are and not how they look."""
    code: int = 32
    """Numbers that are read from the second frame."""
    keypoints: int = 0
    """Keypoints that are read from either frame, beside the code (`keypoints.py`)."""
    linear: float = 0.0
    """Weight, beside the change's share, of how far keypoints are from what a linear map of the
    tokens says, in patches."""
    width: int = 128
    depth: int = 2
    heads: int = 4

    def __post_init__(self) -> None:
        check_counts(self, "width", "depth", "heads")
        shares = (self.pairs, self.weight, self.keypoints, self.linear)
        if not all(0 <= share < math.inf for share in shares) or self.code < 1:
            raise BadValueError(
                f"change: pairs {self.pairs}, weight {self.weight}, keypoints {self.keypoints} and "
                f"linear {self.linear} are at least 0 and code {self.code} at least 1."
            )
        if self.linear and not self.keypoints:
            raise BadValueError(
                f"change: linear is {self.linear} and keypoints is 0; set keypoints."
            )
        if not 0.0 <= self.recolour <= 1.0:
            raise BadValueError(f"change: recolour is {self.recolour}, expected a share of 0 to 1.")
        if self.width % self.heads or (self.width // self.heads) % 2:
            raise BadValueError(
                f"change: width {self.width} over {self.heads} heads gives no even head size."
            )


class ChangeDecoder(nn.Module):
    """Paints the change from a first frame to a second."""

    def __init__(self, config: ChangeConfig, encoder: EncoderConfig) -> None:
        super().__init__()
        layers: Any = VJEPA2Model(
            encoder.to_transformers(
                pred_hidden_size=config.width,
                pred_num_hidden_layers=config.depth,
                pred_num_attention_heads=config.heads,
                pred_mlp_ratio=4.0,
                pred_num_mask_tokens=1,
            )
        ).predictor.layer
        width, (rows, columns) = config.width, encoder.grid
        self.grid, self.head_width = encoder.grid, width // config.heads
        self.read = nn.Linear(rows * columns * encoder.width, config.code)
        nn.init.normal_(self.read.weight, std=1 / math.sqrt(self.read.in_features))
        self.tell = nn.Sequential(nn.Linear(config.code, width), nn.GELU(), nn.Linear(width, width))
        self.enter = nn.Linear(encoder.width, width)
        self.keypoints, self.hear, self.linear = None, None, config.linear > 0
        if config.keypoints:
            self.keypoints = Keypoints(config.keypoints, encoder.width, encoder.grid)
            self.hear = nn.Linear(6 * config.keypoints, width)
        self.places = nn.Parameter(0.02 * torch.randn(rows * columns, width))
        self.layers, self.norm = layers, nn.LayerNorm(width)
        self.paint = nn.Linear(width, 3 * encoder.patch_size**2)
        nn.init.zeros_(self.paint.weight)
        nn.init.zeros_(self.paint.bias)

    def forward(self, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens (B, N, D) of two frames to the change of pixels (B, N, 3 * patch²).

        And, if asked for, to how far keypoints are from a linear map of the tokens (`gap`).
        """
        tables = video_tables(1, self.grid, self.head_width).to(first.device)
        first, second = layer_normalised(first), layer_normalised(second)
        code, gap = self.read(second.flatten(1)), torch.zeros((), device=first.device)
        hidden = self.enter(first) + self.places + self.tell(code).unsqueeze(1)
        if self.keypoints is not None and self.hear is not None:
            both = torch.cat([first, second])
            terms = self.keypoints(both)
            heard = self.keypoints.nearness(self.keypoints.place(terms))
            hidden = hidden + self.hear(torch.cat(heard.chunk(2), dim=2))
            gap = self.keypoints.gap(both, terms) if self.linear else gap
        painted: Tensor = self.paint(self.norm(through_layers(self.layers, hidden, tables)))
        return painted, gap


def still_pixels(patches: Tensor, patch: int, tubelet: int) -> Tensor:
    """Return one frame's pixels (B, N, 3 * patch²) of the patches of repeated stills."""
    pixels: Tensor = patches.unflatten(2, (3, tubelet, patch**2))[:, :, :, 0].flatten(2)
    return pixels


def change_loss(painted: Tensor, change: Tensor, *, even: bool = False) -> Tensor:
    """Return the squared error as a share of what copying the first frame costs.

    Of (B, N, pixels) as a whole, so that pairs count by how much changes; or, if `even`, the mean
    of each pair's own share.
    """
    if not even:
        return F.mse_loss(painted.float(), change) / change.square().mean().clamp_min(1e-6)
    errors = (painted.float() - change).square().mean((1, 2))
    return (errors / change.square().mean((1, 2)).clamp_min(LEAST_CHANGE)).mean()


def recoloured(pixels: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Return normalised pixels (B, 3, ...), each entry's hues turned and its brightness changed.

    At a share of 1 by up to half a turn about grey, a factor of 1 ± 0.4 and a shift of ± 0.4; at a
    smaller one by that share of each.
    """
    turn, gain, shift = share * (2 * torch.rand(3, len(pixels), generator=generator) - 1)
    cos, sin = torch.cos(math.pi * turn), torch.sin(math.pi * turn)
    grey = torch.full((3, 3), 1 / 3)  # projection onto the axis of greys
    cross = torch.tensor([[0.0, -1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]]) / math.sqrt(3)
    about = (torch.eye(3) - grey) * cos.view(-1, 1, 1) + cross * sin.view(-1, 1, 1) + grey
    mixed = (1 + 0.4 * gain).view(-1, 1, 1) * about
    flat = torch.bmm(mixed.to(pixels), pixels.flatten(2)) + 0.4 * shift.to(pixels).view(-1, 1, 1)
    found: Tensor = flat.view_as(pixels)
    return found


def draw_pairs(store: FrameStore, count: int, generator: torch.Generator) -> Tensor:
    """Return indices (count, 2) of stored frames, the two of a row from one video."""
    first, length = (torch.tensor(part) for part in zip(*store.episodes, strict=True))
    one = torch.randint(len(store), (count,), generator=generator)
    video = torch.searchsorted(first, one, right=True) - 1
    other = first[video] + (torch.rand(count, generator=generator) * length[video]).long()
    return torch.stack([one, other], dim=1)
