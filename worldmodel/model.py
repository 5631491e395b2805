"""The world model: a frozen encoder and an action-conditioned predictor, pixels to imagination.

Two kinds. A *sandbox* model has latent statistics: latents are in units of change, the predictor
says how they change, and roll is seen in [0, 2 pi). Without statistics it is as in the paper:
latents are LayerNormed tokens, every prediction is LayerNormed again, states go in as they are.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from armchair.worldmodel import model_files, poses, rollouts
from armchair.worldmodel.encoder import FrameEncoder
from armchair.worldmodel.precision import autocast, float32
from armchair.worldmodel.predictor import ACPredictor, PredictorCache
from armchair.worldmodel.statistics import InputScaling, LatentStatistics, layer_normalised

if TYPE_CHECKING:
    from armchair.worldmodel.meta import EncoderRole

SECONDS_PER_STEP = 4 / 15
"""Every fourth row of a 15 Hz recording is a model frame."""
TOKENS_AT_ONCE = {"cpu": 1056, "cuda": 131072}
"""Tokens of a chunk of candidates: small enough for a CPU's cache, large enough for a GPU."""


class WorldModel(nn.Module):
    """Encode frames, predict the next latents, imagine what candidate actions would lead to."""

    def __init__(
        self,
        encoder: FrameEncoder,
        predictor: ACPredictor,
        *,
        statistics: LatentStatistics | None = None,
        scaling: InputScaling | None = None,
        seconds_per_step: float = SECONDS_PER_STEP,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.predictor = predictor
        self.statistics = statistics
        self.scaling = scaling or InputScaling()
        self.seconds_per_step = seconds_per_step

    @property
    def sandbox(self) -> bool:
        """Whether latents are in units of change and the predictor says the change."""
        return self.statistics is not None

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.predictor.cosines.device

    @torch.no_grad()
    def encode(self, frames: Tensor | NDArray[np.uint8]) -> Tensor:
        """Return latents (B, N, D) float32 of uint8 frames (B, H, W, 3), each encoded alone.

        Always in float32: what changes between frames is small against what does not. Raises
        `BadValueError` on a wrong dtype or shape.
        """
        with torch.autocast(self.device.type, enabled=False):
            return self.latents_of(self.encoder(frames))

    def latents_of(self, raw: Tensor) -> Tensor:
        """Return latents (..., D) of the encoder's raw tokens (..., D), say from a cache."""
        return layer_normalised(raw) if self.statistics is None else self.statistics.to_latents(raw)

    def tokens_of(self, latents: Tensor) -> Tensor:
        """Return LayerNormed tokens (..., D) of latents (..., D), for a decoder or a probe."""
        return latents if self.statistics is None else self.statistics.to_tokens(latents)

    def predict(
        self, latents: Tensor, states: Tensor, actions: Tensor, extrinsics: Tensor | None = None
    ) -> Tensor:
        """Return the next latents (B, T, N, D), teacher-forced: at t, of frame t + 1.

        latents (B, T, N, D); states (B, T, 7) and actions (B, T, 7) in metres and radians; camera
        extrinsics (B, T, 6) for a predictor with `use_extrinsics`, which must have them; others
        ignore them. Differentiable; choose the number format by calling it under
        `precision.autocast`.
        """
        return self.extend(latents, states, actions, extrinsics=extrinsics)[0]

    def extend(
        self,
        latents: Tensor,
        states: Tensor,
        actions: Tensor,
        past: PredictorCache | None = None,
        extrinsics: Tensor | None = None,
    ) -> tuple[Tensor, PredictorCache]:
        """Return the next latents (B, t, N, D) for t frames after those that `past` remembers.

        Arguments as for `predict`; also returns the longer memory. A past of batch 1 serves any B.
        """
        inputs = latents
        if self.statistics is not None:
            inputs = self.statistics.to_network(latents)
            states = poses.roll_to_sandbox(states)
        scaled = self.scaling.states(states), self.scaling.actions(actions)
        out, memory = self.predictor.extend(inputs, *scaled, extrinsics, cache=past)
        return latents + out.float() if self.sandbox else layer_normalised(out), memory

    @staticmethod
    def exactly() -> AbstractContextManager[None]:
        """Return the context in which rollouts are in float32 on every machine."""
        return float32()

    def rollout(
        self,
        latents: Tensor,
        states: Tensor,
        past_actions: Tensor,
        candidates: Tensor,
        extrinsics: Tensor | None = None,
    ) -> Tensor:
        """Return imagined latents (C, H, N, D) float32 of candidates (C, H, 7), metres and radians.

        Context, oldest first and the last entry now: latents (T, N, D), states (T, 7) and past
        actions (T - 1, 7), extrinsics (T, 6) where the predictor reads them: the camera is imagined
        to stay. Imagined states follow by pose composition. Gradients flow only if `candidates`
        asks for them.
        """
        states, past_actions = states.to(latents), past_actions.to(latents)
        if self._packs(candidates):
            lived = rollouts.Context(latents[None], states[None], past_actions[None])
            return rollouts.imagine(self, lived, candidates[None].to(latents), self._chunk())[0]
        cameras = None if extrinsics is None else extrinsics.to(latents)[None]
        if self._outgrows(len(latents), candidates):
            parts = latents[None], states[None], past_actions[None], candidates[None]
            return self._roll_within_window(*parts, cameras)[0]
        with torch.set_grad_enabled(candidates.requires_grad), autocast(latents.device):
            past = self._remember(latents[None], states[None], past_actions[None], cameras)
            now = latents[-1], states[-1], past
            camera = None if cameras is None else cameras[:, -1:]
            chunks = candidates.to(latents).split(self._chunk())
            return torch.cat([self._imagine(*now, chunk, camera) for chunk in chunks])

    def rollout_batch(
        self,
        latents: Tensor,
        states: Tensor,
        past_actions: Tensor,
        candidates: Tensor,
        extrinsics: Tensor | None = None,
    ) -> Tensor:
        """Return imagined latents (E, C, H, N, D): `rollout` of E environments in one pass.

        As for `rollout`, every argument with environments in front; without gradients.
        """
        states, past_actions = states.to(latents), past_actions.to(latents)
        if self._packs(candidates):
            lived = rollouts.Context(latents, states, past_actions)
            return rollouts.imagine(self, lived, candidates.to(latents), self._chunk())
        cameras = None if extrinsics is None else extrinsics.to(latents)
        if self._outgrows(latents.shape[1], candidates):
            with torch.no_grad():
                return self._roll_within_window(latents, states, past_actions, candidates, cameras)
        envs = torch.arange(len(candidates), device=latents.device)
        rows = envs.repeat_interleave(candidates.shape[1]).split(self._chunk())
        chunks = candidates.to(latents).flatten(0, 1).split(self._chunk())
        with torch.no_grad(), autocast(latents.device):
            past = self._remember(latents, states, past_actions, cameras)
            imagined = []
            for r, chunk in zip(rows, chunks, strict=True):
                now = latents[r, -1:], states[r, -1:], past and past.rows(r)
                camera = None if cameras is None else cameras[r, -1:]
                imagined.append(self._imagine(*now, chunk, camera))
        together: Tensor = torch.cat(imagined).unflatten(0, candidates.shape[:2])
        return together

    def _packs(self, candidates: Tensor) -> bool:
        """Return whether the packed network does it: on CPUs, without gradients and extrinsics."""
        needs_more = candidates.requires_grad or self.predictor.config.use_extrinsics
        return self.device.type == "cpu" and not needs_more

    def _outgrows(self, context: int, candidates: Tensor) -> bool:
        """Return whether a rollout would look back on more frames than the predictor can use."""
        window = self.predictor.config.context_frames
        return window is not None and context + candidates.shape[-2] - 1 > window

    def _roll_within_window(
        self,
        latents: Tensor,
        states: Tensor,
        past_actions: Tensor,
        candidates: Tensor,
        extrinsics: Tensor | None,
    ) -> Tensor:
        """Return imagined latents (E, C, H, N, D); only the last `context_frames` are looked at.

        Arguments as for `rollout_batch`. Positions in time start anew with the window, so that no
        memory of layers can be kept.
        """
        window, count = self.predictor.config.context_frames or 1, candidates.shape[1]
        rows = torch.arange(len(candidates), device=latents.device).repeat_interleave(count)
        flat, size = candidates.to(latents).flatten(0, 1), max(self._chunk() // window, 1)
        imagined = []
        with torch.set_grad_enabled(candidates.requires_grad), autocast(latents.device):
            for row, chunk in zip(rows.split(size), flat.split(size), strict=True):
                z, s, a, steps = latents[row], states[row], past_actions[row], []
                camera = None if extrinsics is None else extrinsics[row]
                for action in chunk.split(1, dim=1):
                    a = torch.cat([a, action], dim=1)
                    z, s, a = z[:, -window:], s[:, -window:], a[:, -window:]
                    if camera is not None:
                        camera = camera[:, -window:]
                    steps.append(self.predict(z, s, a, camera)[:, -1:])
                    if camera is not None:  # it stays
                        camera = torch.cat([camera, camera[:, -1:]], dim=1)
                    z = torch.cat([z, steps[-1]], dim=1)
                    s = torch.cat([s, poses.compose(s[:, -1:], action)], dim=1)
                imagined.append(torch.cat(steps, dim=1))
        rolled: Tensor = torch.cat(imagined).unflatten(0, candidates.shape[:2])
        return rolled

    def _remember(
        self, latents: Tensor, states: Tensor, actions: Tensor, extrinsics: Tensor | None
    ) -> PredictorCache | None:
        """Return the cache of all frames (E, T, …) before the present; candidates share it."""
        if latents.shape[1] < 2:
            return None
        cameras = None if extrinsics is None else extrinsics[:, :-1]
        return self.extend(latents[:, :-1], states[:, :-1], actions, extrinsics=cameras)[1]

    def _imagine(
        self,
        latents: Tensor,
        state: Tensor,
        past: PredictorCache | None,
        candidates: Tensor,
        extrinsics: Tensor | None,
    ) -> Tensor:
        """Return imagined latents (C, H, N, D) from latents (N, D) and a state (7,), or from one
        of each per candidate: (C, 1, N, D) and (C, 1, 7); extrinsics (1 or C, 1, 6)."""
        count = len(candidates)
        current = latents.expand(count, 1, -1, -1)
        states = state.expand(count, 1, -1)
        camera = None if extrinsics is None else extrinsics.expand(count, 1, -1)
        imagined = []
        for actions in candidates.split(1, dim=1):
            current, past = self.extend(current, states, actions, past, camera)
            states = poses.compose(states, actions)
            imagined.append(current)
        return torch.cat(imagined, dim=1)

    def _chunk(self) -> int:
        config = self.predictor.config
        tokens = config.tokens_per_frame + config.conditions
        return max(1, TOKENS_AT_ONCE.get(self.device.type, 1056) // tokens)

    def save_pretrained(
        self, folder: Path | str, dtype: torch.dtype = torch.float32, card: str | None = None
    ) -> None:
        """Write `model.safetensors` and `config.json` into a folder, and `card.md` if one is given.

        `dtype` is the weights' on disk: float32 keeps every bit, bfloat16 is what ships. Statistics
        and scaling stay float32.
        """
        config = model_files.WorldModelConfig(
            encoder=self.encoder.config,
            predictor=self.predictor.config,
            sandbox=self.sandbox,
            seconds_per_step=self.seconds_per_step,
        )
        parameters = dict(self.named_parameters())
        weights = {name: weight.detach().to(dtype) for name, weight in parameters.items()}
        state = self.state_dict()
        buffers = {name: value for name, value in state.items() if name not in parameters}
        model_files.write(Path(folder), config, weights | buffers, card)

    @classmethod
    def from_pretrained(
        cls, name: Path | str, *, role: EncoderRole = "target_encoder"
    ) -> WorldModel:
        """Return a frozen model in float32 by name, folder, file or Hugging Face hub id.

        Names: "default" (shipped) and Meta's "vjepa2-vitl", "-vith", "-vitg", "-vitg-384" and
        "vjepa2-ac-vitg". A folder is one that `armchair` wrote, or `transformers`; a file is a
        checkpoint of Meta's. What has no action-conditioned predictor encodes and does no more.
        `role` is which of the two encoders in a checkpoint of Meta's is taken: the teacher, which
        their AC training and evaluations use, or the student, which their hub entry loads.

        Raises `UnknownNameError`, `BadFileError` for what is damaged or of another architecture
        than stated, and `ArmchairError` for what is not here while there is no network.
        """
        from armchair.worldmodel.sources import load_world_model

        return load_world_model(name, role)

    @classmethod
    def from_config(cls, config: model_files.WorldModelConfig) -> WorldModel:
        """Return a model with new weights and, in a sandbox model, statistics still to be set."""
        width = config.encoder.width
        return cls(
            FrameEncoder(config.encoder),
            ACPredictor(config.predictor),
            statistics=LatentStatistics.identity(width) if config.sandbox else None,
            seconds_per_step=config.seconds_per_step,
        )
