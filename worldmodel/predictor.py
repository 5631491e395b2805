"""The action-conditioned (AC) predictor of V-JEPA 2, section 3.1: frames, states, actions → next.

Of every frame the sequence holds an action token, a state token (an extrinsics token if asked for)
and the patch tokens. Attention is block-causal: a token sees its own frame and all earlier ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from armchair.errors import BadValueError, check_above, check_counts
from armchair.poses import ACTION_DIM, STATE_DIM
from armchair.worldmodel import rope
from armchair.worldmodel.attend import block_causal_bias
from armchair.worldmodel.attention import (
    NORM_EPSILON,
    Block,
    KeysValues,
    Placement,
    shrink_outputs,
)

EXTRINSICS_DIM = 6
INITIAL_DEVIATION = 0.02
MOST_TOKENS = 65_536
"""Of a sequence; the table of which token sees which then takes 17 GB."""


@dataclass(frozen=True, kw_only=True)
class PredictorConfig:
    """Size of the AC predictor; the default is the sandbox's."""

    token_width: int = 192
    """Channels of the encoder's tokens, in and out."""
    grid: tuple[int, int] = (8, 8)
    """Patches down and across a frame."""
    width: int = 192
    depth: int = 6
    heads: int = 6
    mlp_ratio: float = 4.0
    max_frames: int = 16
    """Longest sequence in model frames."""
    context_frames: int | None = None
    """Frames that rollouts look back on, the present one included: as many as training had. None
    is all of them, up to `max_frames`. Beyond what it was trained on, a predictor guesses badly."""
    use_extrinsics: bool = False
    """Add a token of six camera numbers a frame; the paper's model does not."""
    zero_init_output: bool = False
    """Start with an output of exactly zero: for models that predict the change."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "grid", tuple(self.grid))
        check_counts(self, "token_width", "width", "depth", "heads", "max_frames")
        check_above(self, mlp_ratio=0)
        down, across = self.grid
        if any(type(side) is not int or side < 1 for side in (down, across)):
            raise BadValueError(f"grid is {self.grid}, expected two whole numbers from 1 up.")
        most = MOST_TOKENS // (self.tokens_per_frame + self.conditions)
        if self.max_frames > most:
            raise BadValueError(
                f"max_frames {self.max_frames} of {self.tokens_per_frame} patches is too long a "
                f"sequence, expected {most} or less."
            )
        if self.width % self.heads or rope.part_width(self.width // self.heads) < 2:
            raise BadValueError(
                f"width {self.width} over {self.heads} heads gives no head of 6 channels or more; "
                "choose heads so that width / heads is a whole number of at least 6."
            )

        kept = self.context_frames
        if kept is not None and not (type(kept) is int and 1 <= kept <= self.max_frames):
            raise BadValueError(
                f"context_frames {kept} must lie in 1 … max_frames {self.max_frames}."
            )

    @property
    def tokens_per_frame(self) -> int:
        """Patch tokens of a frame."""
        return self.grid[0] * self.grid[1]

    @property
    def conditions(self) -> int:
        """Tokens of a frame that are not patches: action, state and perhaps extrinsics."""
        return 3 if self.use_extrinsics else 2


@dataclass(frozen=True)
class PredictorCache:
    """Keys and values of every layer for the first `frames` frames; batch 1 is shared by all."""

    frames: int
    layers: tuple[KeysValues, ...]

    def up_to(self, frames: int) -> PredictorCache:
        """Return the cache of the first so many frames."""
        end = self.layers[0].keys.shape[2] // self.frames * frames
        layers = (KeysValues(k[:, :, :end], v[:, :, :end]) for k, v in self.layers)
        return PredictorCache(frames, tuple(layers))

    def rows(self, rows: Tensor) -> PredictorCache:
        """Return the cache of chosen rows (any,) of the batch."""
        layers = (KeysValues(k[rows], v[rows]) for k, v in self.layers)
        return PredictorCache(self.frames, tuple(layers))


class ACPredictor(nn.Module):
    """Maps frames 0 … T-1 with their states and actions to frames 1 … T.

    Returns what the network puts out; LayerNorm or the residual sum is the world model's business.
    """

    cosines: Tensor
    sines: Tensor
    bias: Tensor

    def __init__(self, config: PredictorConfig, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.config = config
        self.checkpointing = False
        """Whether gradients recompute each block: slower, and far less memory."""
        width = config.width
        self.predictor_embed = nn.Linear(config.token_width, width)
        self.action_encoder = nn.Linear(ACTION_DIM, width)
        self.state_encoder = nn.Linear(STATE_DIM, width)
        self.extrinsics_encoder = (
            nn.Linear(EXTRINSICS_DIM, width) if config.use_extrinsics else None
        )
        self.predictor_blocks = nn.ModuleList(
            Block(width, config.heads, config.mlp_ratio) for _ in range(config.depth)
        )
        self.predictor_norm = nn.LayerNorm(width, eps=NORM_EPSILON)
        self.predictor_proj = nn.Linear(width, config.token_width)
        self._register_tables()
        self.reset_parameters(generator)

    def _register_tables(self) -> None:
        c = self.config
        tables = rope.predictor_tables(c.max_frames, c.grid, c.conditions, c.width // c.heads)
        for name, table in zip(("cosines", "sines"), tables, strict=True):
            self.register_buffer(name, table.flatten(0, 1), persistent=False)
        bias = block_causal_bias(c.max_frames, c.conditions + c.tokens_per_frame)
        self.register_buffer("bias", bias, persistent=False)

    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """Draw new weights: truncated normal 0.02, deeper layers' outputs smaller, biases 0."""
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=INITIAL_DEVIATION, generator=generator)
                nn.init.zeros_(module.bias)
        blocks = (block for block in self.predictor_blocks if isinstance(block, Block))
        shrink_outputs((block.attn.proj, block.mlp.fc2) for block in blocks)
        if self.config.zero_init_output:
            nn.init.zeros_(self.predictor_proj.weight)

    def forward(
        self, tokens: Tensor, states: Tensor, actions: Tensor, extrinsics: Tensor | None = None
    ) -> Tensor:
        """Return the network's output (B, T, N, D): at t, what it says of frame t + 1.

        tokens (B, T, N, D), states (B, T, 7), actions (B, T, 7) and, where configured, camera
        extrinsics (B, T, 6), all as the network was trained to see them (scaled or raw).
        """
        return self.extend(tokens, states, actions, extrinsics)[0]

    def extend(
        self,
        tokens: Tensor,
        states: Tensor,
        actions: Tensor,
        extrinsics: Tensor | None = None,
        cache: PredictorCache | None = None,
    ) -> tuple[Tensor, PredictorCache]:
        """Return the output for t new frames (B, t, N, D) after the cached ones, and a new cache.

        Block-causal attention never changes an earlier frame, so this equals `forward` on all
        frames up to rounding. A cache of batch 1 serves any B.
        """
        start = cache.frames if cache else 0
        place = self._placement(start, tokens.shape[1])
        # Under autocast too the residual stream is float32: as fast, a third less rounding noise.
        x = self._interleave(tokens, states, actions, extrinsics).to(self.cosines.dtype)
        layers = []
        for number, block in enumerate(self.predictor_blocks):
            past = cache.layers[number] if cache else None
            if self.checkpointing and torch.is_grad_enabled():
                x, memory = checkpoint(block, x, place, past, use_reentrant=False)
            else:
                x, memory = block(x, place, past)
            layers.append(memory)
        framed = x.view(len(x), tokens.shape[1], -1, self.config.width)
        patches = framed[:, :, self.config.conditions :]
        out: Tensor = self.predictor_proj(self.predictor_norm(patches))
        return out, PredictorCache(start + tokens.shape[1], tuple(layers))

    def _interleave(
        self, tokens: Tensor, states: Tensor, actions: Tensor, extrinsics: Tensor | None
    ) -> Tensor:
        conditions = [self.action_encoder(actions), self.state_encoder(states)]
        if self.extrinsics_encoder is not None:
            if extrinsics is None:
                raise BadValueError("this predictor needs extrinsics (B, T, 6); none were given.")
            conditions.append(self.extrinsics_encoder(extrinsics))
        parts = [torch.stack(conditions, dim=2), self.predictor_embed(tokens)]
        return torch.cat(parts, dim=2).flatten(1, 2)

    def _placement(self, start: int, frames: int) -> Placement:
        if start + frames > self.config.max_frames:
            raise BadValueError(
                f"{start + frames} frames are more than this predictor's {self.config.max_frames}; "
                "shorten the context or the horizon."
            )
        size = self.config.conditions + self.config.tokens_per_frame
        first, end = start * size, (start + frames) * size
        bias = self.bias[first:end, :end] if frames > 1 else None
        return Placement(self.cosines[first:end], self.sines[first:end], bias)
