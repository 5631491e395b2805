"""The networks of pre-training: student encoder, EMA teacher and mask predictor, on patches.

Patches are cut before the embedding, so that the student embeds only those it keeps.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import VJEPA2Model

from armchair.errors import BadValueError, check_above, check_counts
from armchair.worldmodel.attention import shrink_outputs
from armchair.worldmodel.encoder import EncoderConfig
from armchair.worldmodel.fast_layers import RotaryTables, through_layers, video_tables
from armchair.worldmodel.pretraining.change import ChangeConfig, ChangeDecoder, still_pixels
from armchair.worldmodel.pretraining.masks import Mask
from armchair.worldmodel.pretraining.uniform import UniformConfig, UniformReader
from armchair.worldmodel.statistics import layer_normalised


@dataclass(frozen=True, kw_only=True)
class MaskPredictorConfig:
    """Size of the network that fills in hidden tokens; it is thrown away after pre-training."""

    width: int = 128
    depth: int = 3
    heads: int = 4
    mlp_ratio: float = 4.0

    def __post_init__(self) -> None:
        check_counts(self, "width", "depth", "heads")
        check_above(self, mlp_ratio=0)
        if self.width % self.heads or (self.width // self.heads) % 2:
            raise BadValueError(
                f"mask predictor: width {self.width} over {self.heads} heads gives no even head "
                "size; choose heads so that width / heads is a whole even number."
            )


class MaskDenoiser(nn.Module):
    """Student, mask predictor and teacher of eq. (1); `teacher` is what later stages load.

    With `change` there is a decoder beside them, for the objective of `change.py`, with `uniform` a
    linear map, for that of `uniform.py`; with `rescaled_blocks`, deeper layers' outputs are smaller
    at first, as in Meta's networks.
    """

    def __init__(
        self,
        encoder: EncoderConfig,
        predictor: MaskPredictorConfig,
        mask_kinds: int,
        change: ChangeConfig | None = None,
        uniform: UniformConfig | None = None,
        *,
        rescaled_blocks: bool = False,
    ) -> None:
        super().__init__()
        model = VJEPA2Model(
            encoder.to_transformers(
                pred_hidden_size=predictor.width,
                pred_num_hidden_layers=predictor.depth,
                pred_num_attention_heads=predictor.heads,
                pred_mlp_ratio=predictor.mlp_ratio,
                pred_num_mask_tokens=mask_kinds,
            )
        )
        self.config = encoder
        self.student: Any = model.encoder
        self.predictor: Any = model.predictor
        if rescaled_blocks:
            for network in (self.student, self.predictor):
                shrink_outputs(_onto_the_stream(network))
        self.teacher: Any = copy.deepcopy(model.encoder).requires_grad_(False)
        self._head_widths = (encoder.width // encoder.heads, predictor.width // predictor.heads)
        nn.init.trunc_normal_(self.predictor.embeddings.mask_tokens, std=0.02)
        self.change = ChangeDecoder(change, encoder) if change and change.pairs else None
        self.uniform = UniformReader(uniform, encoder) if uniform and uniform.triples else None
        self.checkpointing = False
        """Whether activations are computed again in the backward pass: slower, for large sizes."""

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.parameters()).device

    @property
    def trained(self) -> list[nn.Module]:
        """What the optimiser moves: all but the teacher."""
        networks = (self.student, self.predictor, self.change, self.uniform)
        return [m for m in networks if m is not None]

    def tables(self, tubelets: int) -> tuple[RotaryTables, RotaryTables]:
        """Return the rotary tables of encoder and predictor for clips of `tubelets`."""
        encoder, predictor = (
            video_tables(tubelets, self.config.grid, width).to(self.device)
            for width in self._head_widths
        )
        return encoder, predictor

    def teach(self, patches: Tensor, tables: RotaryTables) -> Tensor:
        """Return the teacher's LayerNormed tokens (B, N, D) float32 of all patches, no gradient."""
        with torch.no_grad():
            raw = encode_patches(self.teacher, patches, tables)
            targets: Tensor = layer_normalised(raw)
            return targets

    def predict(
        self, patches: Tensor, mask: Mask, kind: int, tables: tuple[RotaryTables, RotaryTables]
    ) -> Tensor:
        """Return predictions (B, M, D) at `mask.hidden` from the patches at `mask.kept` alone."""
        embeddings = self.predictor.embeddings
        context = self._study(take(patches, mask.kept), tables[0].at(mask.kept))
        context = embeddings.predictor_embeddings(context)
        token = embeddings.mask_tokens[kind].to(context.dtype)
        hidden = torch.cat([context, token.expand(*mask.hidden.shape, -1)], dim=1)
        places = torch.cat([mask.kept, mask.hidden], dim=1)
        hidden = through_layers(
            self.predictor.layer, hidden, tables[1].at(places), checkpointing=self.checkpointing
        )
        filled = self.predictor.layernorm(hidden[:, mask.kept.shape[1] :])
        predictions: Tensor = self.predictor.proj(filled)
        return predictions

    def paint_change(
        self, patches: Tensor, tables: RotaryTables, seen: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return the painted and the true change (B, N, pixels) from stills 0…B-1 to B…2B-1.

        And the keypoints' gap. `seen`: patches of all 2B as the encoder sees them, if not as they
        are.
        """
        if self.change is None:
            raise ValueError("this network was made without `change`")
        first, second = self._study(patches if seen is None else seen, tables).chunk(2)
        pixels = still_pixels(patches, self.config.patch_size, self.config.tubelet_size)
        before, after = pixels.chunk(2)
        painted, gap = self.change(first, second)
        return painted, after - before, gap

    def read_codes(
        self, patches: Tensor, tables: RotaryTables, noise: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """Return the codes (B, code) of stills, for the objective of `uniform.py`.

        And, with `views`, guesses (B, directions) of another view's. `noise` (B, N, D): added to
        the LayerNormed tokens.
        """
        if self.uniform is None:
            raise ValueError("this network was made without `uniform`")
        read: tuple[Tensor, Tensor | None] = self.uniform(self._study(patches, tables), noise)
        return read

    def narrowed(self, codes: Tensor) -> Tensor:
        """Return the numbers (B, directions) of codes that `precision_loss` looks at."""
        if self.uniform is None or self.uniform.narrow is None:
            raise ValueError("this network was made without `uniform.precision`")
        values: Tensor = self.uniform.narrow(codes)
        return values

    def _study(self, patches: Tensor, tables: RotaryTables) -> Tensor:
        return encode_patches(self.student, patches, tables, checkpointing=self.checkpointing)

    @torch.no_grad()
    def update_teacher(self, momentum: float) -> None:
        """Move the teacher towards the student: teacher ← m · teacher + (1 − m) · student."""
        torch._foreach_lerp_(
            list(self.teacher.parameters()), list(self.student.parameters()), 1.0 - momentum
        )


def _onto_the_stream(network: Any) -> list[tuple[nn.Linear, nn.Linear]]:
    """Return, layer by layer, the maps of `transformers`' network onto the residual stream."""
    return [(layer.attention.proj, layer.mlp.fc2) for layer in network.layer]


def cut_patches(video: Tensor, patch: int, tubelet: int) -> Tensor:
    """Return patches (B, N, 3 · tubelet · patch²) of a video (B, 3, T, S, S), in token order.

    The order inside a patch is that of the embedding's convolution weight.
    """
    cut = video.unflatten(4, (-1, patch)).unflatten(3, (-1, patch)).unflatten(2, (-1, tubelet))
    patches: Tensor = cut.permute(0, 2, 4, 6, 1, 3, 5, 7).flatten(4).flatten(1, 3)
    return patches


def take(patches: Tensor, positions: Tensor) -> Tensor:
    """Return the patches (B, K, P) at positions (B, K) of (B, N, P)."""
    rows = torch.arange(len(patches), device=patches.device).unsqueeze(1)
    return patches[rows, positions]


def encode_patches(
    encoder: Any, patches: Tensor, tables: RotaryTables, *, checkpointing: bool = False
) -> Tensor:
    """Return an encoder's tokens (B, L, D) of patches (B, L, P) at the tables' places.

    Patches of one frame alone, where the encoder's span more, are those of a still.
    """
    projection = encoder.embeddings.patch_embeddings.proj
    weight = projection.weight
    if patches.shape[-1] * weight.shape[2] == weight[0].numel():
        weight = weight.sum(2)
    hidden = F.linear(patches, weight.flatten(1), projection.bias)
    hidden = through_layers(encoder.layer, hidden, tables, checkpointing=checkpointing)
    tokens: Tensor = encoder.layernorm(hidden)
    return tokens
