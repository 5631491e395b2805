"""The predictor packed for planning on CPUs: the same numbers with less work, without gradients.

One frame at a time, for many candidates: block-causal attention lets each frame be done once. What
the modules spend beside their matrix products is saved here. Weights are cast once; the
channel pairs that turn together lie in halves, so that rotary tables need no shuffling (queries and
keys are permuted alike, which no product sees); what all candidates share is computed once in the
first layer; and of the last layer only what is read. Matrix products run in the packed format, the
residual stream, LayerNorm and rotation in float32.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from armchair.errors import BadValueError
from armchair.worldmodel.affine import Affine
from armchair.worldmodel.predictor import ACPredictor


@dataclass(frozen=True)
class PackedLayer:
    """A block's weights; `qkv` gives queries (scaled) and keys in halves, then values."""

    norm1: nn.LayerNorm
    qkv: Affine
    proj: Affine
    norm2: nn.LayerNorm
    fc1: Affine
    fc2: Affine


class Frame(NamedTuple):
    """One moment as the network reads it; a batch of 1 is shared by all candidates.

    tokens (1 or B, N, D), state (1 or B, 7), action (1 or B, 7).
    """

    tokens: Tensor
    state: Tensor
    action: Tensor


Memory = tuple[tuple[Tensor, Tensor], ...]
"""Keys and values of every layer, (heads, 1 or B, L, head width) each, of all frames so far."""


class PackedPredictor:
    """`ACPredictor` for frames one after the other.

    Some weights are copies, some the predictor's own: after any change it has to be packed anew,
    as `PackedOnce` does.
    """

    def __init__(self, predictor: ACPredictor, dtype: torch.dtype) -> None:
        assert not predictor.config.use_extrinsics
        config = predictor.config
        self.config, self.dtype = config, dtype
        self._heads, self._size = config.heads, config.conditions + config.tokens_per_frame
        self._network: Any = predictor
        self._embed = Affine.of(predictor.predictor_embed, dtype)
        self._out = Affine.of(predictor.predictor_proj, dtype)
        halves = _halves(config.width // config.heads)
        self._cosines = predictor.cosines[:, halves].unflatten(-1, (2, -1))
        signs = torch.tensor([[-1.0], [1.0]]).to(self._cosines)
        self._sines = signs * predictor.sines[:, halves].unflatten(-1, (2, -1))
        self._layers = [_pack(block, config.heads, dtype) for block in predictor.predictor_blocks]

    def memorise(self, frame: Frame, memory: Memory | None = None) -> Memory:
        """Return the memory with a frame whose successor nobody asks for."""
        return self._through(frame, memory, wanted=False)[1]

    def predict(self, frame: Frame, memory: Memory | None = None) -> tuple[Tensor, Memory]:
        """Return what the network says of the next frame (B, N, D), and the memory with this one.

        Raises `BadValueError` beyond the predictor's longest sequence.
        """
        out, longer = self._through(frame, memory, wanted=True)
        assert out is not None
        return out, longer

    def _through(
        self, frame: Frame, memory: Memory | None, *, wanted: bool
    ) -> tuple[Tensor | None, Memory]:
        tables = self._tables(memory)
        x, qkv = self._first(frame, tables)
        longer: list[tuple[Tensor, Tensor]] = []
        last = len(self._layers) - 1
        for number, layer in enumerate(self._layers):
            if number:
                qkv = self._project(layer, x, tables)
            past = memory[number] if memory else None
            queries, keys, values = qkv[0], _append(past, 0, qkv[1]), _append(past, 1, qkv[2])
            longer.append((keys, values))
            if number == last:
                if not wanted:
                    return None, tuple(longer)
                x, queries = (part[..., self.config.conditions :, :] for part in (x, queries))
            x = self._rest(layer, x, self._mix(queries, keys, values))
        return self._out(self._network.predictor_norm(x)), tuple(longer)

    def _tables(self, memory: Memory | None) -> tuple[Tensor, Tensor]:
        """Return cosines and sines (L, 2, head width / 2) of the frame after the memory."""
        start = memory[0][0].shape[2] if memory else 0
        end = start + self._size
        if end > len(self._cosines):
            raise BadValueError(
                f"{end // self._size} frames are more than this predictor's "
                f"{self.config.max_frames}; shorten the context or the horizon."
            )
        return self._cosines[start:end], self._sines[start:end]

    def _first(self, frame: Frame, tables: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """Return the sequence (B, L, width) float32 and the first layer's projection of it.

        The action's token stands first. What stands behind it is projected once if it is shared.
        """
        action = self._network.action_encoder(frame.action).unsqueeze(1)
        state = self._network.state_encoder(frame.state).unsqueeze(1)
        tokens = self._embed(frame.tokens).float()
        shared = max(len(state), len(tokens))
        parts = [action, torch.cat([p.expand(shared, -1, -1) for p in (state, tokens)], dim=1)]
        if len(action) == shared:
            x = torch.cat(parts, dim=1)
            return x, self._project(self._layers[0], x, tables)
        count = max(len(action), shared)
        places = (tuple(t[:1] for t in tables), tuple(t[1:] for t in tables))
        projected = [
            self._project(self._layers[0], part, (place[0], place[1])).expand(-1, -1, count, -1, -1)
            for part, place in zip(parts, places, strict=True)
        ]
        x = torch.cat([part.expand(count, -1, -1) for part in parts], dim=1)
        return x, torch.cat(projected, dim=3)

    def _project(self, layer: PackedLayer, x: Tensor, tables: tuple[Tensor, Tensor]) -> Tensor:
        """Return turned queries and keys, and values (3, heads, B, L, head width) of x."""
        count, length, width = x.shape
        qkv = layer.qkv(layer.norm1(x)).view(count, length, 3, self._heads, -1)
        parts = qkv.permute(2, 3, 0, 1, 4)
        projected = qkv.new_empty((3, self._heads, count, length, width // self._heads))
        for part, place in zip(parts[:2], projected[:2], strict=True):  # each fits a cache
            place.copy_(_turned(part, tables))
        projected[2] = parts[2]
        return projected

    @staticmethod
    def _mix(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Return softmax(q kᵀ) v with heads side by side (B, L, width); q is scaled already."""
        heads, count, length, width = queries.shape
        flat = (part.expand(-1, count, -1, -1).flatten(0, 1) for part in (queries, keys, values))
        q, k, v = flat
        weights = torch.bmm(q, k.transpose(1, 2)).softmax(-1)
        mixed = torch.bmm(weights, v).view(heads, count, length, width)
        return mixed.permute(1, 2, 0, 3).flatten(2)

    @staticmethod
    def _rest(layer: PackedLayer, x: Tensor, mixed: Tensor) -> Tensor:
        """Return the sequence (B, L, width) after the layer, from what its heads mixed."""
        x = x + layer.proj(mixed)
        return x.add_(layer.fc2(layer.fc1.gelu(layer.norm2(x))))


class PackedOnce:
    """The packed predictor of the last call, packed anew when a weight has changed since.

    Changes are seen as PyTorch counts them; those through a parameter's `.data` are not, and those
    of a fused optimiser only where it says so, as `Optimiser` does. Copies and pickles of it start
    empty, as blocked weights can be neither copied nor pickled.
    """

    def __init__(self) -> None:
        self._last: tuple[object, PackedPredictor] | None = None

    def of(self, predictor: ACPredictor, dtype: torch.dtype) -> PackedPredictor:
        """Return a predictor packed in a number format."""
        weights = list(predictor.parameters())
        if any(weight.is_inference() for weight in weights):  # their changes are not counted
            return PackedPredictor(predictor, dtype)
        state = (predictor, dtype, [(id(w), w.data_ptr(), w._version) for w in weights])
        if self._last is None or self._last[0] != state:
            self._last = (state, PackedPredictor(predictor, dtype))
        return self._last[1]

    def __deepcopy__(self, memo: dict[int, object]) -> PackedOnce:
        return PackedOnce()

    def __reduce__(self) -> tuple[type[PackedOnce], tuple[()]]:
        return PackedOnce, ()


def _turned(part: Tensor, tables: tuple[Tensor, Tensor]) -> Tensor:
    """Return queries or keys (heads, B, L, head width) turned by their places, float32."""
    cosines, sines = tables
    pairs = part.to(torch.float32, memory_format=torch.contiguous_format).unflatten(-1, (2, -1))
    turned = pairs * cosines
    turned[..., 0, :].addcmul_(pairs[..., 1, :], sines[:, 0])
    turned[..., 1, :].addcmul_(pairs[..., 0, :], sines[:, 1])
    together: Tensor = turned.flatten(-2)
    return together


def _append(past: tuple[Tensor, Tensor] | None, which: int, new: Tensor) -> Tensor:
    if past is None:
        return new
    old = past[which]
    count = max(old.shape[1], new.shape[1])
    return torch.cat([part.expand(-1, count, -1, -1) for part in (old, new)], dim=2)


def _halves(width: int) -> Tensor:
    """Return the order of a head's channels: even ones, then odd ones; they turn in pairs."""
    return torch.arange(width).view(-1, 2).T.flatten()


def _pack(block: Any, heads: int, dtype: torch.dtype) -> PackedLayer:
    qkv = block.attn.qkv
    width = qkv.in_features // heads
    order = torch.arange(len(qkv.weight)).view(3, heads, width)
    order[:2] = order[:2, :, _halves(width)]
    scale = torch.ones(3, heads, width)
    scale[0] = width**-0.5  # of the scores, on the queries
    rows, scales = order.flatten(), scale.flatten().to(qkv.weight)
    weight, bias = qkv.weight.detach()[rows], qkv.bias.detach()[rows]
    return PackedLayer(
        norm1=block.norm1,
        qkv=Affine.make(weight * scales[:, None], bias * scales, dtype),
        proj=Affine.of(block.attn.proj, dtype),
        norm2=block.norm2,
        fc1=Affine.of(block.mlp.fc1, dtype),
        fc2=Affine.of(block.mlp.fc2, dtype),
    )
