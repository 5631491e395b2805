"""The frame decoder: one frame's tokens to one frame's pixels, feed-forward, nothing sampled."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from armchair.errors import BadValueError, check_above, check_counts
from armchair.worldmodel import rope
from armchair.worldmodel.attention import NORM_EPSILON, Block, Placement
from armchair.worldmodel.encoder import EncoderConfig

INITIAL_DEVIATION = 0.02
SCALE_FLOOR = 1e-3


@dataclass(frozen=True, kw_only=True)
class DecoderSize:
    """A small vision transformer; the paper's is a ViT-L (width 1024, depth 24, 16 heads)."""

    width: int = 256
    depth: int = 6
    heads: int = 4
    mlp_ratio: float = 4.0

    def __post_init__(self) -> None:
        check_counts(self, "width", "depth", "heads")
        check_above(self, mlp_ratio=0)
        if self.width % self.heads or rope.part_width(self.width // self.heads) < 2:
            raise BadValueError(
                f"decoder: width {self.width} over {self.heads} heads gives no head of 6 channels "
                "or more."
            )


class FrameDecoder(nn.Module):
    """Tokens (B, N, D), LayerNormed, to pixels (B, S, S, 3) in 0 … 1.

    Every frame is decoded alone, so a rollout can be read frame by frame. Trained on encoded
    frames, and applied to predicted ones as it is.
    """

    mean: Tensor
    scale: Tensor
    cosines: Tensor
    sines: Tensor

    def __init__(self, encoder: EncoderConfig, size: DecoderSize) -> None:
        super().__init__()
        self.encoder_config, self.size = encoder, size
        pixels = 3 * encoder.patch_size**2
        self.embed = nn.Linear(encoder.width, size.width)
        self.blocks = nn.ModuleList(
            Block(size.width, size.heads, size.mlp_ratio) for _ in range(size.depth)
        )
        self.norm = nn.LayerNorm(size.width, eps=NORM_EPSILON)
        self.to_pixels = nn.Linear(size.width, pixels)
        self.register_buffer("mean", torch.zeros(encoder.width))
        self.register_buffer("scale", torch.ones(encoder.width))
        tables = rope.predictor_tables(1, encoder.grid, 0, size.width // size.heads)
        for name, table in zip(("cosines", "sines"), tables, strict=True):
            self.register_buffer(name, table.flatten(0, 1), persistent=False)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=INITIAL_DEVIATION)
                nn.init.zeros_(module.bias)
        nn.init.constant_(self.to_pixels.bias, 0.5)  # grey

    def measure(self, tokens: Tensor) -> None:
        """Set the standardisation of the input from LayerNormed tokens (B, N, D)."""
        self.mean.copy_(tokens.mean((0, 1)))
        self.scale.copy_(tokens.std((0, 1)).clamp(min=SCALE_FLOOR))

    def forward(self, tokens: Tensor) -> Tensor:
        """Return pixels (B, S, S, 3), about 0 … 1, of LayerNormed tokens (B, N, D)."""
        expected = (self.encoder_config.tokens_per_frame, self.encoder_config.width)
        if tokens.ndim != 3 or tuple(tokens.shape[1:]) != expected:
            raise BadValueError(
                f"tokens have shape {tuple(tokens.shape)}, this decoder reads (batch, "
                f"{expected[0]}, {expected[1]})."
            )
        place = Placement(self.cosines, self.sines, None)
        x: Tensor = self.embed((tokens - self.mean) / self.scale).float()
        for block in self.blocks:
            x = block(x, place)[0]
        return self._assemble(self.to_pixels(self.norm(x)).float())

    def _assemble(self, patches: Tensor) -> Tensor:
        """Return (B, S, S, 3) of patches (B, N, patch * patch * 3) in reading order."""
        (rows, columns), side = self.encoder_config.grid, self.encoder_config.patch_size
        cut = patches.view(-1, rows, columns, side, side, 3)
        whole = cut.permute(0, 1, 3, 2, 4, 5)
        frames: Tensor = whole.reshape(-1, rows * side, columns * side, 3)
        return frames

    @torch.no_grad()
    def pictures(self, tokens: Tensor) -> Tensor:
        """Return uint8 frames (B, S, S, 3) of LayerNormed tokens (B, N, D)."""
        pixels: Tensor = self(tokens)
        return (255 * pixels.clamp(0, 1)).round().to(torch.uint8)
