"""Trains the AC predictor: L1 with teacher forcing and a short rollout, in units of change."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from armchair.errors import BadValueError, check_above, check_counts
from armchair.worldmodel.losses import ROLLOUT_STEPS, Losses, ac_losses
from armchair.worldmodel.model import WorldModel
from armchair.worldmodel.optimisation.adamw import AdamWConfig, Optimiser
from armchair.worldmodel.optimisation.draws import Draws
from armchair.worldmodel.optimisation.loop import Moment
from armchair.worldmodel.optimisation.schedule import Schedule
from armchair.worldmodel.optimisation.setup import Setup, plain
from armchair.worldmodel.optimisation.team import Team
from armchair.worldmodel.precision import autocast
from armchair.worldmodel.training.action_inference import InferenceConfig
from armchair.worldmodel.training.clips import ClipConfig, ClipSampler
from armchair.worldmodel.training.horizon import AT_ONCE, HorizonConfig
from armchair.worldmodel.training.pairs import PairConfig
from armchair.worldmodel.training.validation import (
    CLIPS,
    inference_scores,
    rollout_scores,
    validation_generator,
    why_no_rollouts,
)


@dataclass(frozen=True, kw_only=True)
class PredictorSize:
    """Size of the AC predictor; tokens and grid follow from the encoder."""

    width: int = 256
    depth: int = 6
    heads: int = 4
    mlp_ratio: float = 4.0
    max_frames: int = 16
    """Longest sequence in model frames."""

    def __post_init__(self) -> None:
        check_counts(self, "width", "depth", "heads", "max_frames")
        check_above(self, mlp_ratio=0)


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """The whole of an AC training run but its input, output and length."""

    predictor: PredictorSize = field(default_factory=PredictorSize)
    clips: ClipConfig = field(default_factory=ClipConfig)
    schedule: Schedule = field(default_factory=lambda: Schedule(peak=5e-4))
    optimiser: AdamWConfig = field(default_factory=lambda: AdamWConfig(betas=(0.9, 0.95)))
    rollout_steps: int = ROLLOUT_STEPS
    """Steps of the rollout loss, fewer than `clips.frames`; 1 means teacher forcing alone."""
    statistics: Literal["change", "data", "none"] = "change"
    """Unit of latents: within-episode change, spread over the data set, or the paper's plain
    LayerNorm (then states and actions go in as they are, too)."""
    checkpointing: bool = False
    """Recompute activations in the backward pass: slower, for large predictors."""
    compile: bool = False
    """Run the predictor through torch.compile (minutes at the start; worth it on GPUs)."""
    average_share: float = 0.01
    """Memory of the averaged weights that are validated and kept, as a share of the run."""
    validation_clips: int = 128
    validation_horizon: HorizonConfig = field(default_factory=lambda: HorizonConfig(clips=48))
    """Rollouts on held-out episodes in the middle of training; kept small."""
    validation_search: InferenceConfig = field(
        default_factory=lambda: InferenceConfig(
            pairs=PairConfig(count=48, gripper_share=None),
            first_samples=128,
            samples=32,
            elites=6,
            iterations=4,
        )
    )
    """Action inference on held-out episodes in the middle of training; kept small."""

    def __post_init__(self) -> None:
        check_counts(self, "validation_clips")
        if not 0 <= self.average_share < 1:
            raise BadValueError(f"average_share is {self.average_share}; it is in [0, 1).")
        if self.clips.frames > self.predictor.max_frames + 1:
            raise BadValueError(
                f"clips.frames is {self.clips.frames}; the predictor sees "
                f"{self.predictor.max_frames} frames at most, and one is foretold. Take shorter "
                "clips, or raise predictor.max_frames."
            )
        if not 1 <= self.rollout_steps < self.clips.frames:
            raise BadValueError(
                f"rollout_steps is {self.rollout_steps}; with clips.frames {self.clips.frames} it "
                f"is 1 … {self.clips.frames - 1}. Lower it or take longer clips."
            )


class TrainLearner:
    """Improves `model.predictor`; `average` is the model with averaged weights.

    The two share the encoder, which nothing moves.
    """

    def __init__(
        self,
        config: TrainConfig,
        model: WorldModel,
        data: ClipSampler,
        held_out: ClipSampler | None,
        seed: int,
        team: Team | None = None,
    ) -> None:
        self.config, self.model, self.data, self.held_out = config, model, data, held_out
        self.seed, self.team = seed, team or Team()
        self.draws = Draws(seed)
        self.team.check_share(config.clips.batch)
        self.optimiser = Optimiser([model.predictor], config.optimiser)
        twin = copy.deepcopy(model, {id(model.encoder): model.encoder})
        self.average = twin.requires_grad_(False).eval()
        model.predictor.checkpointing = config.checkpointing
        if config.compile:
            for block in model.predictor.predictor_blocks:
                block.compile()
        self._losses = self.team.wrap(_ACLosses(model, config.rollout_steps))

    def update(self, moment: Moment) -> dict[str, float]:
        """Do one step on a batch of clips."""
        part = (self.team.rank, self.team.size)
        drawn = self.data.sample(self.draws.generator(moment.step), part=part)
        tokens, states, actions = (x.to(self.model.device) for x in drawn)
        latents = self.model.latents_of(tokens)
        with autocast(self.model.device):
            losses = Losses(*self._losses(latents, states, actions))
        norm = self.optimiser.step(losses.total, moment.rate)
        memory = max(self.config.average_share * moment.expected_steps, 1.0)
        self._update_average(1.0 - 1.0 / min(memory, moment.step + 1.0))
        values: dict[str, Tensor | float] = {
            "loss": losses.total,
            "teacher_forcing": losses.teacher_forcing,
            "rollout": losses.rollout,
            "copy_last": copy_errors(latents, self.config.rollout_steps)[0],
        }
        return {**self.team.means(values), "gradient_norm": norm}

    @torch.no_grad()
    def _update_average(self, momentum: float) -> None:
        torch._foreach_lerp_(
            list(self.average.predictor.parameters()),
            list(self.model.predictor.parameters()),
            1.0 - momentum,
        )

    @torch.no_grad()
    def evaluate(self, step: int) -> dict[str, float]:
        """Return errors against copying the last frame, and action inference, on held-out clips."""
        if self.held_out is None:
            return {}
        config, held_out = self.config, self.held_out
        generator = validation_generator(self.seed, CLIPS)
        clips = held_out.sample(generator, config.validation_clips)
        steps, sums = config.rollout_steps, np.zeros(4)
        for tokens, states, actions in zip(*(part.split(AT_ONCE) for part in clips), strict=True):
            latents = self.average.latents_of(tokens.to(self.average.device))
            known = (states.to(latents.device), actions.to(latents.device))
            with autocast(self.average.device):
                losses = ac_losses(self.average, latents, *known, steps)
            errors = (float(losses.teacher_forcing), float(losses.rollout))
            sums += len(tokens) * np.array([*errors, *copy_errors(latents, steps)])
        forced, rolled, one, several = sums
        values = {"validation/teacher_forcing_to_copy": forced / one}
        if steps > 1:
            values["validation/rollout_to_copy"] = rolled / several
        return (
            values
            | rollout_scores(self.average, held_out, config.validation_horizon, self.seed)
            | inference_scores(self.average, held_out, config.validation_search, self.seed)
        )

    def check_held_out(self) -> str:
        """Return why rollouts by horizon cannot be scored on the held-out episodes, or "".

        Raises `BadValueError` if they have no clips as they are wanted; `check_inference` speaks of
        pairs before anything is encoded.
        """
        if self.held_out is None:
            return ""
        config = self.config
        generator = validation_generator(self.seed, CLIPS)
        self.held_out.sample_frames(generator, config.validation_clips)
        return why_no_rollouts(self.model, self.held_out, config.validation_horizon, self.seed)

    def setup(self) -> Setup:
        """Return recipe, encoder and episodes; not what only says how it goes."""
        cache = self.data.cache
        return (
            plain("recipe", self.config, leave_out=("validation_", "checkpointing", "compile"))
            | plain("tokens", cache.layout)
            | {"episodes": len(cache.episodes), "frames": len(cache), "data": cache.identity()}
            | ({"videos": videos} if (videos := cache.videos()) else {})
        )

    def state(self) -> dict[str, Any]:
        """Return predictor, its average, units and the optimiser's moments."""
        return {
            "predictor": self.model.predictor.state_dict(),
            "average": self.average.predictor.state_dict(),
            "units": unit_tensors(self.model),
            "adamw": self.optimiser.adamw.state_dict(),
        } | self.draws.state()

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from `state`; raises ValueError or RuntimeError if it is of another set-up."""
        self.draws.load_state(state)
        for model, name in ((self.model, "predictor"), (self.average, "average")):
            model.predictor.load_state_dict(state[name])
            load_unit_tensors(model, state["units"])
        self.optimiser.adamw.load_state_dict(state["adamw"])


class _ACLosses(nn.Module):
    """The losses as a module, so that a team can average what its backward pass gives."""

    def __init__(self, model: WorldModel, rollout_steps: int) -> None:
        super().__init__()
        self.model, self.rollout_steps = model, rollout_steps

    def forward(self, latents: Tensor, states: Tensor, actions: Tensor) -> tuple[Tensor, ...]:
        """Return teacher forcing and rollout loss of a batch."""
        return tuple(ac_losses(self.model, latents, states, actions, self.rollout_steps))


def copy_errors(latents: Tensor, rollout_steps: int) -> tuple[float, float]:
    """Return L1 errors of "nothing moves" on latents (B, T, N, D): per step, and over the rollout.

    They stand beside the teacher-forced and the rollout loss, which average in the same way.
    """
    steps = (latents[:, 1:] - latents[:, :-1]).abs().mean()
    ahead = latents[:, 1 : rollout_steps + 1]
    return float(steps), float((ahead - latents[:, :1]).abs().mean())


def unit_tensors(model: WorldModel) -> dict[str, Tensor]:
    """Return statistics and scaling, by name."""
    return {
        name: value
        for name, value in model.state_dict().items()
        if name.startswith(("statistics.", "scaling."))
    }


def load_unit_tensors(model: WorldModel, tensors: dict[str, Tensor]) -> None:
    """Put back what `unit_tensors` returned; raises ValueError if the model has other units."""
    if tensors.keys() != unit_tensors(model).keys():
        raise ValueError(f"units {', '.join(sorted(tensors))}, this model has others")
    model.load_state_dict(tensors, strict=False)
