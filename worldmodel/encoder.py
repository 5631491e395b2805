"""The frozen V-JEPA 2 video encoder, each frame encoded alone (V-JEPA 2, section 3.1).

The network is `transformers`' own; here are its size, its input and the way to drop tokens.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import VJEPA2Config, VJEPA2Model

from armchair.errors import BadValueError, check_above, check_counts
from armchair.worldmodel import pixels
from armchair.worldmodel.attend import TRANSFORMERS_NAME


@dataclass(frozen=True, kw_only=True)
class EncoderConfig:
    """Size of a V-JEPA 2 vision transformer; the default is the sandbox encoder."""

    image_size: int | tuple[int, int] = 128
    """Side of the square input in pixels, or its height and width."""
    patch_size: int = 16
    """Side of a patch in pixels; one token each."""
    tubelet_size: int = 2
    """Frames that one token spans; a still is repeated so often."""
    width: int = 192
    """Channels of a token."""
    depth: int = 6
    heads: int = 6
    mlp_ratio: float = 4.0

    def __post_init__(self) -> None:
        check_counts(self, "patch_size", "tubelet_size", "width", "depth", "heads")
        check_above(self, mlp_ratio=0)
        size = self.image_size
        sides = (size, size) if isinstance(size, int) else tuple(size)  # JSON has lists
        if any(type(side) is not int or side % self.patch_size or side < 1 for side in sides):
            raise BadValueError(
                f"image_size {size} is not a multiple of patch_size {self.patch_size}."
            )
        height, width = sides
        object.__setattr__(self, "image_size", height if height == width else sides)
        if self.width % self.heads or (self.width // self.heads) % 2:
            raise BadValueError(
                f"width {self.width} over {self.heads} heads gives no even head size; "
                "choose heads so that width / heads is a whole even number."
            )

    @property
    def image_shape(self) -> tuple[int, int]:
        """Height and width of the input in pixels."""
        size = self.image_size
        return (size, size) if isinstance(size, int) else size

    @property
    def side(self) -> int:
        """Side of a square input in pixels; raises `BadValueError` where it is not square."""
        if isinstance(self.image_size, int):
            return self.image_size
        height, width = self.image_size
        raise BadValueError(
            f"image_size {height} × {width}: only encoding takes pictures that are not square; "
            "set one side."
        )

    @property
    def grid(self) -> tuple[int, int]:
        """Patches down and across a frame."""
        height, width = self.image_shape
        return height // self.patch_size, width // self.patch_size

    @property
    def tokens_per_frame(self) -> int:
        """Tokens of one still (or of one tubelet of a video)."""
        return self.grid[0] * self.grid[1]

    def to_transformers(self, **overrides: Any) -> VJEPA2Config:
        """Return `transformers`' configuration; `overrides` set e.g. the mask predictor's size."""
        return VJEPA2Config(
            crop_size=max(self.image_shape),
            patch_size=self.patch_size,
            tubelet_size=self.tubelet_size,
            frames_per_clip=self.tubelet_size,
            hidden_size=self.width,
            num_hidden_layers=self.depth,
            num_attention_heads=self.heads,
            mlp_ratio=self.mlp_ratio,
            **overrides,
        )


class FrameEncoder(nn.Module):
    """Frames to tokens; freeze it by `requires_grad_(False).eval()` once it is trained.

    `backbone` is the `encoder` of a `transformers.VJEPA2Model`, so weights move between the two by
    `load_state_dict`.
    """

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.config = config
        no_predictor = {"pred_num_hidden_layers": 0, "pred_hidden_size": 12}
        model = VJEPA2Model(config.to_transformers(**no_predictor))
        model.set_attn_implementation(TRANSFORMERS_NAME)
        self.backbone: Any = model.encoder

    def preprocess(self, frames: Tensor | NDArray[np.uint8]) -> Tensor:
        """Return pixels (B, 3, h, w) of uint8 frames (B, H, W, 3), on the encoder's device.

        h and w, here and below, are the config's `image_shape`.
        """
        device = next(self.parameters()).device
        return pixels.preprocess(pixels.check_frames(frames).to(device), self.config.image_shape)

    def forward(self, frames: Tensor | NDArray[np.uint8]) -> Tensor:
        """Return raw tokens (B, N, D) of uint8 frames (B, H, W, 3), each encoded alone.

        Raises `BadValueError` on a wrong dtype or shape.
        """
        return self.encode_stills(self.preprocess(frames))

    def encode_stills(self, stills: Tensor) -> Tensor:
        """Return raw tokens (B, N, D) of normalised pixels (B, 3, h, w), each a clip of its own."""
        repeats = (-1, -1, self.config.tubelet_size, -1, -1)
        return self.encode_video(stills.unsqueeze(2).expand(repeats))

    def encode_video(self, video: Tensor) -> Tensor:
        """Return raw tokens (B, T / tubelet * N, D) of a normalised video (B, 3, T, h, w)."""
        return self._through_layers(self.embed(video), None)

    def encode_kept(self, video: Tensor, keep_index: Tensor) -> Tensor:
        """Return tokens (B, K, D) of the kept positions only; the rest is dropped *before* layer 1.

        video: (B, 3, T, h, w) normalised; keep_index: (B, K) int64 positions, increasing. This is
        the context encoder of mask-denoising pre-training (eq. 1); `VJEPA2Model(context_mask=…)`
        instead encodes everything and selects afterwards.
        """
        embedded = self.embed(video)
        index = keep_index.unsqueeze(-1).expand(-1, -1, embedded.shape[-1])
        return self._through_layers(torch.gather(embedded, 1, index), keep_index)

    def embed(self, video: Tensor) -> Tensor:
        """Return patch embeddings (B, T / tubelet * N, D) of a video (B, 3, T, h, w)."""
        height, width = self.config.image_shape
        if video.ndim != 5 or video.shape[1] != 3 or video.shape[-2:] != (height, width):
            raise BadValueError(
                f"video has shape {tuple(video.shape)}, "
                f"expected (batch, 3, frames, {height}, {width})."
            )
        embeddings: Tensor = self.backbone.embeddings(video.transpose(1, 2))
        return embeddings.float()  # under autocast too: the residual stream must not be rounded

    def _through_layers(self, hidden: Tensor, positions: Tensor | None) -> Tensor:
        if not isinstance(self.config.image_size, int):
            positions = self._on_square(hidden, positions)
        for layer in self.backbone.layer:
            hidden = layer(hidden, positions)[0]
        tokens: Tensor = self.backbone.layernorm(hidden)
        return tokens

    def _on_square(self, hidden: Tensor, positions: Tensor | None) -> Tensor:
        """Return positions (B, K) in the count of `transformers`, whose grids are square."""
        if positions is None:
            batch, count = hidden.shape[:2]
            positions = torch.arange(count, device=hidden.device).expand(batch, -1)
        columns, side = self.config.grid[1], max(self.config.grid)
        tubelet, place = (
            positions // self.config.tokens_per_frame,
            positions % self.config.tokens_per_frame,
        )
        return (tubelet * side + place // columns) * side + place % columns
