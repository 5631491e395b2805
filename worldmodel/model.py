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

from armchair.worldmodel import model_files, module_rollouts, poses, rollouts
from armchair.worldmodel.encoder import FrameEncoder
from armchair.worldmodel.packed import PackedOnce
from armchair.worldmodel.precision import float32
from armchair.worldmodel.predictor import ACPredictor, PredictorCache
from armchair.worldmodel.statistics import InputScaling, LatentStatistics, layer_normalised

if TYPE_CHECKING:
    from armchair.worldmodel.meta import EncoderRole

SECONDS_PER_STEP = 4 / 15
"""Every fourth row of a 15 Hz recording is a model frame."""
TOKENS_PER_CORE, TOKENS_ON_GPU = 1056, 131072
"""Tokens of a chunk of candidates: few enough for the caches of a CPU's cores, as many as keep each
of them, or a GPU, at work; no planner's budget of memory counts a chunk's keys and values."""


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
        self.packed = PackedOnce()
        self._compiled = False

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

    def compile_rollouts(self, backend: str = "inductor") -> None:
        """Run rollouts through torch.compile from here on; called again, it does nothing.

        The same latents up to rounding. Minutes at the first rollout; worth it on GPUs: CPUs have
        packed weights otherwise, which this gives up.
        """
        if not self._compiled:
            for block in self.predictor.predictor_blocks:
                block.compile(backend=backend)
            self._compiled = True

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
        lived = latents[None], states[None], past_actions[None]
        cameras = None if extrinsics is None else extrinsics[None]
        return self._roll(*lived, candidates[None], cameras)[0]

    def rollout_batch(
        self,
        latents: Tensor,
        states: Tensor,
        past_actions: Tensor,
        candidates: Tensor,
        extrinsics: Tensor | None = None,
    ) -> Tensor:
        """Return imagined latents (E, C, H, N, D): `rollout` of E environments in one pass.

        As for `rollout`, every argument with environments in front.
        """
        return self._roll(latents, states, past_actions, candidates, extrinsics)

    def _roll(
        self,
        latents: Tensor,
        states: Tensor,
        past_actions: Tensor,
        candidates: Tensor,
        extrinsics: Tensor | None,
    ) -> Tensor:
        lived = rollouts.Context(latents, states.to(latents), past_actions.to(latents))
        candidates = candidates.to(latents)
        needs_more = candidates.requires_grad or self.predictor.config.use_extrinsics
        if self.device.type == "cpu" and not needs_more and not self._compiled:
            return rollouts.imagine(self, lived, candidates, self._chunk())
        cameras = None if extrinsics is None else extrinsics.to(latents)
        return module_rollouts.imagine(self, lived, candidates, cameras, self._chunk())

    def _chunk(self) -> int:
        config = self.predictor.config
        tokens = config.tokens_per_frame + config.conditions
        on_gpu = self.device.type == "cuda"
        at_once = TOKENS_ON_GPU if on_gpu else TOKENS_PER_CORE * torch.get_num_threads()
        return max(1, at_once // tokens)

    def save_pretrained(
        self, folder: Path | str, dtype: torch.dtype = torch.float32, card: str | None = None
    ) -> None:
        """Write `model.safetensors` and `config.json` into a folder, and a card if one is given.

        `dtype` is the weights' on disk: float32 keeps every bit, bfloat16 is what ships. Statistics
        and scaling stay float32. Raises `BadFileError` where a card of other weights lies.
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
    def from_pretrained(cls, name: Path | str, *, role: EncoderRole | None = None) -> WorldModel:
        """Return a frozen model in float32 by name, folder, file or Hugging Face hub id.

        Names: "default" (shipped) and Meta's "vjepa2-vitl", "-vith", "-vitg", "-vitg-384" and
        "vjepa2-ac-vitg". A folder is one that `armchair` wrote, or `transformers`; a file is a
        checkpoint of Meta's. What has no action-conditioned predictor encodes and does no more.
        `role` is which of the two encoders in a checkpoint of Meta's is taken: "target_encoder",
        the teacher, which their AC training and evaluations use and which is the default, or
        "encoder", the student, which their hub entry loads. Folders and hub ids have one alone.

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
