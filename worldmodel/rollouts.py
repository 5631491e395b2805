"""Imagination for planners on CPUs: no gradients, what candidates share is computed once.

The same latents as `WorldModel`'s own modules give, up to rounding; `model.py` chooses.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from armchair.worldmodel import poses
from armchair.worldmodel.packed import Frame, Memory, PackedOnce
from armchair.worldmodel.precision import uses_bfloat16
from armchair.worldmodel.predictor import ACPredictor
from armchair.worldmodel.statistics import InputScaling, LatentStatistics, layer_normalised


class Model(Protocol):
    """What is read of a world model."""

    predictor: ACPredictor
    packed: PackedOnce
    statistics: LatentStatistics | None
    scaling: InputScaling


class Context(NamedTuple):
    """What environments lived, oldest first: latents (E, T, N, D), states (E, T, 7) and past
    actions (E, T - 1, 7)."""

    latents: Tensor
    states: Tensor
    past_actions: Tensor

    def newest(self, frames: int) -> Context:
        """Return the last so many frames."""
        past = self.past_actions[:, max(0, self.past_actions.shape[1] + 1 - frames) :]
        return Context(self.latents[:, -frames:], self.states[:, -frames:], past)


class _Moment(NamedTuple):
    """Latents (1 or B, N, D) and state (1 or B, 7); a batch of 1 is shared by all candidates."""

    latents: Tensor
    state: Tensor


@torch.no_grad()
def imagine(model: Model, context: Context, candidates: Tensor, chunk: int) -> Tensor:
    """Return imagined latents (E, C, H, N, D) float32 of candidates (E, C, H, 7).

    `chunk` candidates at once; a chunk of one environment shares all that it lived.
    """
    envs, count, horizon = candidates.shape[:3]
    with torch.autocast(candidates.device.type, enabled=False):
        roller = _Roller(model)
        lived = context.newest(roller.window)
        memory = roller.remember(lived)
        rows = torch.arange(envs, device=candidates.device).repeat_interleave(count)
        flat = candidates.flatten(0, 1)
        found = flat.new_empty((len(flat), horizon, *lived.latents.shape[2:]), dtype=torch.float32)
        ahead = _states_ahead(lived.states[:, -1][rows], flat)
        parts = (part.split(chunk) for part in (rows, flat, ahead, found))
        for row, actions, states, place in zip(*parts, strict=True):
            pick = picker(row)
            moments = [
                _Moment(pick(z), pick(s))
                for z, s in zip(lived.latents.unbind(1), lived.states.unbind(1), strict=True)
            ]
            past = [pick(action) for action in lived.past_actions.unbind(1)]
            shared = memory and tuple(
                (pick(k.transpose(0, 1)).transpose(0, 1), pick(v.transpose(0, 1)).transpose(0, 1))
                for k, v in memory
            )
            roller.roll(moments, past, shared, actions, states, place)
    together: Tensor = found.unflatten(0, (envs, count))
    return together


def picker(rows: Tensor) -> Callable[[Tensor], Tensor]:
    """Return what takes an environment's entry per row, or a batch of 1 if all are of one."""
    first, last = int(rows[0]), int(rows[-1])
    if first == last:
        return lambda entries: entries[first : first + 1]
    return lambda entries: entries[rows]


def _states_ahead(state: Tensor, candidates: Tensor) -> Tensor:
    """Return the states (B, H, 7) after each action of candidates (B, H, 7), from states (B, 7).

    The last is not worked out: nobody asks for it.
    """
    found = torch.zeros_like(candidates, dtype=state.dtype)
    for step, action in enumerate(candidates.unbind(1)[:-1]):
        state = poses.compose(state, action)
        found[:, step] = state
    return found


class _Roller:
    """The packed network with the units of a world model around it."""

    def __init__(self, model: Model) -> None:
        predictor = model.predictor
        device = predictor.cosines.device
        dtype = torch.bfloat16 if uses_bfloat16(device) else torch.float32
        self._model, self._network = model, model.packed.of(predictor, dtype)
        self.window = predictor.config.context_frames or predictor.config.max_frames

    def remember(self, lived: Context) -> Memory | None:
        """Return the memory of all frames before the present."""
        memory: Memory | None = None
        for step in range(lived.past_actions.shape[1]):
            moment = _Moment(lived.latents[:, step], lived.states[:, step])
            frame = self._frame(moment, lived.past_actions[:, step])
            memory = self._network.memorise(frame, memory)
        return memory

    def roll(
        self,
        moments: list[_Moment],
        past_actions: list[Tensor],
        memory: Memory | None,
        candidates: Tensor,
        ahead: Tensor,
        place: Tensor,
    ) -> None:
        """Write imagined latents of candidates (B, H, 7) into `place` (B, H, N, D).

        `ahead` (B, H, 7) are the states that they lead to.
        Beyond the window positions in time start anew, so that the frames in it are done again.
        """
        limited = self._model.predictor.config.context_frames is not None
        for step, action in enumerate(candidates.unbind(1)):
            past_actions = [*past_actions, action]
            if limited and len(moments) > self.window:
                moments, past_actions = moments[-self.window :], past_actions[-self.window :]
                memory = None
                for moment, acted in zip(moments[:-1], past_actions[:-1], strict=True):
                    memory = self._network.memorise(self._frame(moment, acted), memory)
            now = moments[-1]
            out, memory = self._network.predict(self._frame(now, action), memory)
            place[:, step] = self._next(now.latents, out)
            moments = [*moments, _Moment(place[:, step], ahead[:, step])]

    def _frame(self, moment: _Moment, action: Tensor) -> Frame:
        """Return a moment and what was done then, as the network reads them."""
        latents, state = moment
        if self._model.statistics is not None:
            latents = self._model.statistics.to_network(latents)
            state = poses.roll_to_sandbox(state)
        scaling = self._model.scaling
        return Frame(latents, scaling.states(state), scaling.actions(action))

    def _next(self, latents: Tensor, out: Tensor) -> Tensor:
        """Return the next latents (B, N, D) from the network's output."""
        return layer_normalised(out) if self._model.statistics is None else latents + out
