"""Eq. (1): the student predicts the teacher's LayerNormed tokens of what it cannot see, in L1.

Beside it, if asked for, the objectives of `change.py` and `uniform.py`, on video alone as well.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from armchair.errors import BadValueError
from armchair.worldmodel.data.frame_store import FrameStore
from armchair.worldmodel.encoder import EncoderConfig, FrameEncoder
from armchair.worldmodel.optimisation.adamw import AdamWConfig, Optimiser
from armchair.worldmodel.optimisation.draws import Draws
from armchair.worldmodel.optimisation.loop import Moment
from armchair.worldmodel.optimisation.schedule import Schedule
from armchair.worldmodel.optimisation.setup import Setup, plain
from armchair.worldmodel.optimisation.team import Team
from armchair.worldmodel.pixels import preprocess
from armchair.worldmodel.precision import autocast
from armchair.worldmodel.pretraining.change import (
    ChangeConfig,
    change_loss,
    draw_pairs,
    recoloured,
)
from armchair.worldmodel.pretraining.clips import (
    ClipConfig,
    Part,
    clip_starts,
    parted,
    random_crop,
    sample_frames,
)
from armchair.worldmodel.pretraining.masks import PAPER_MASKS, MaskConfig, sample_mask
from armchair.worldmodel.pretraining.network import (
    MaskDenoiser,
    MaskPredictorConfig,
    cut_patches,
)
from armchair.worldmodel.pretraining.uniform import (
    UniformConfig,
    check_enough,
    check_part,
    draw_triples,
    find_takes,
    precision_loss,
    uniform_loss,
    views_loss,
)

REFERENCE_MOMENTUM, REFERENCE_STEPS = 0.99925, 252_000
"""The teacher's rate in the paper's long run (section 2.4 and appendix A.1)."""
STILLS, CLIPS, PAIRS, TRIPLES = range(4)
"""The streams that a step's batch is drawn from."""
NAMES = {STILLS: "still", CLIPS: "clip"}
STREAMS = 16
"""From the numbers of one part's streams to the next's."""
LOWEST_MOMENTUM = 0.99
"""A teacher that follows faster than this averages too little to be a target."""


@dataclass(frozen=True, kw_only=True)
class PretrainConfig:
    """The whole of a pre-training run but its input, output and length."""

    encoder: EncoderConfig = field(
        default_factory=lambda: EncoderConfig(width=256, depth=6, heads=4)
    )
    predictor: MaskPredictorConfig = field(default_factory=MaskPredictorConfig)
    clips: ClipConfig = field(default_factory=ClipConfig)
    masks: tuple[MaskConfig, MaskConfig] = PAPER_MASKS
    change: ChangeConfig = field(default_factory=ChangeConfig)
    """A second objective on video alone; without pairs and triples: eq. (1) alone, as in the
    paper."""
    uniform: UniformConfig = field(default_factory=UniformConfig)
    """A third objective, on videos of uniform motion."""
    schedule: Schedule = field(default_factory=Schedule)
    optimiser: AdamWConfig = field(default_factory=AdamWConfig)
    checkpointing: bool = False
    """Compute activations again in the backward pass: slower, for large encoders and long clips."""
    rescaled_blocks: bool = False
    """Begin with the output weights of block n, of encoder and mask predictor, divided by
    sqrt(2 n), as Meta's networks do: for deep ones."""
    momentum: float | None = None
    """Share of itself that the teacher keeps per step; None scales the paper's to the run."""

    def __post_init__(self) -> None:
        if self.momentum is not None and not 0 <= self.momentum < 1:
            raise BadValueError(f"momentum is {self.momentum}; it is in [0, 1).")
        if not (self.clips.batch or self.change.pairs or self.uniform.triples):
            raise BadValueError(
                "clips.batch, change.pairs and uniform.triples are all 0, and nothing would be "
                "learnt. Raise one of them."
            )
        for name in ("clip_frames", "still_frames"):
            frames = getattr(self.clips, name)
            if frames % self.encoder.tubelet_size:
                raise BadValueError(
                    f"{name} {frames} is not a multiple of the tubelet size "
                    f"{self.encoder.tubelet_size}."
                )


def scaled_momentum(steps: float) -> float:
    """Return the teacher's momentum whose memory is the same share of a run of `steps` steps."""
    kept = 1.0 - (1.0 - REFERENCE_MOMENTUM) * REFERENCE_STEPS / max(steps, 1.0)
    return min(max(kept, LOWEST_MOMENTUM), REFERENCE_MOMENTUM)


Watch = Callable[[FrameEncoder], dict[str, float]]
"""Something that looks at the encoder now and then, and changes nothing."""


def network_of(config: PretrainConfig) -> MaskDenoiser:
    """Return fresh networks of a recipe's sizes."""
    return MaskDenoiser(
        config.encoder,
        config.predictor,
        len(config.masks),
        config.change,
        config.uniform,
        rescaled_blocks=config.rescaled_blocks,
    )


class PretrainLearner:
    """Draws batches from a frame store and improves a `MaskDenoiser` on them."""

    def __init__(
        self,
        config: PretrainConfig,
        store: FrameStore,
        seed: int,
        watch: Watch | None = None,
        team: Team | None = None,
        uniform: FrameStore | None = None,
    ) -> None:
        """`uniform`: frames of the videos that `config.uniform` draws from."""
        self.config, self.store, self.watch, self.team = config, store, watch, team or Team()
        self.uniform = uniform
        views = config.uniform.views > 0
        self._takes = [] if uniform is None else find_takes(uniform, views=views)
        self.draws = Draws(seed)
        torch.manual_seed(seed)
        self.network = network_of(config).to(self.team.device)
        self.network.checkpointing = config.checkpointing
        self.optimiser = Optimiser(self.network.trained, config.optimiser)
        clips = config.clips
        if clips.stills < clips.batch:  # stills alone need no video that is as long as a clip
            self._starts = clip_starts(store, (clips.clip_frames - 1) * clips.clip_stride + 1)
        counts = (
            clips.stills,
            clips.batch - clips.stills,
            config.change.pairs,
            config.uniform.triples,
        )
        parts = parted(counts, clips.at_once, self.team.size)
        if uniform is not None:
            for count in {part.count for part in parts if part.stream == TRIPLES}:
                check_part(config.uniform, count)
                check_enough(self._takes, count)
        self._parts = parts[self.team.rank :: self.team.size]

    def update(self, moment: Moment) -> dict[str, float]:
        """Do one step on a batch of stills, clips, pairs and triples, part by part."""
        total = torch.zeros((), device=self.network.device)
        values: dict[str, float] = {}
        for part in self._parts:
            generator = self.draws.generator(moment.step, part.stream + STREAMS * part.number)
            loss, seen = self._loss(part, generator, moment.wants_metrics)
            loss.backward()
            total += loss.detach()
            values = seen | values  # of the first part of each stream
        if self.team.size > 1:
            self.optimiser.share(self.team.add_up, total)
        norm = self.optimiser.apply(moment.rate)
        momentum = self.config.momentum
        if momentum is None:
            momentum = scaled_momentum(moment.expected_steps)
        self.network.update_teacher(momentum)
        return {"loss": float(total), **values, "gradient_norm": norm}

    def _loss(
        self, part: Part, generator: torch.Generator, wants_metrics: bool
    ) -> tuple[Tensor, dict[str, float]]:
        """Return what a part adds to the loss, and what is worth knowing of it."""
        if part.stream == PAIRS:
            config = self.config.change
            changed, gap = self._change(part.count, generator)
            values = {"change_to_copy": float(changed.detach())}
            if config.linear:
                values["keypoint_gap"] = float(gap.detach())
            share = part.count / config.pairs
            return (changed + config.linear * gap) * config.weight * share, values
        if part.stream == TRIPLES:
            loss, values = self._uniform(part.count, generator, wants_metrics)
            share = self.config.uniform.weight * part.count / self.config.uniform.triples
            return loss * share, values
        clips, name = self.config.clips, NAMES[part.stream]
        still = part.stream == STILLS
        patches = self._patches(part.count, still, generator)
        frames = clips.still_frames if still else clips.clip_frames
        tubelets = frames // self.config.encoder.tubelet_size
        losses, tokens = self._losses(patches, tubelets, generator)
        values = {}
        if wants_metrics:
            values = {f"loss_{name}/mask{i}": v for i, v in enumerate(losses.tolist())}
            values |= collapse_monitor(tokens.unflatten(1, (tubelets, -1)), name)
        return losses.mean() * (part.count / clips.batch), values

    def _patches(self, count: int, still: bool, generator: torch.Generator) -> Tensor:
        encoder, clips = self.config.encoder, self.config.clips
        starts = torch.arange(len(self.store)) if still else self._starts
        chosen = starts[torch.randint(len(starts), (count,), generator=generator)]
        frames = 1 if still else clips.clip_frames
        stored = sample_frames(self.store, chosen, frames, clips.clip_stride)
        video = random_crop(stored.to(self.network.device), encoder.side, clips, generator)
        if still:
            video = video.expand(-1, -1, clips.still_frames, -1, -1)
        return cut_patches(video, encoder.patch_size, encoder.tubelet_size)

    def _change(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return the loss of painting the change between pairs of frames, cropped alike.

        And how far keypoints are from what a linear map of the tokens says.
        """
        encoder, clips = self.config.encoder, self.config.clips
        index = draw_pairs(self.store, count, generator).numpy()
        stored = torch.from_numpy(np.ascontiguousarray(self.store.frames[index]))
        video = random_crop(stored.to(self.network.device), encoder.side, clips, generator)
        stills = torch.cat(video.split(1, dim=2)).expand(-1, -1, encoder.tubelet_size, -1, -1)
        patches = cut_patches(stills, encoder.patch_size, encoder.tubelet_size)
        seen = None
        if share := self.config.change.recolour:
            before, after = stills.chunk(2)
            stills = torch.cat([before, recoloured(after, share, generator)])
            seen = cut_patches(stills, encoder.patch_size, encoder.tubelet_size)
        with autocast(patches.device):
            tables = self.network.tables(1)[0]
            painted, change, gap = self.network.paint_change(patches, tables, seen)
        return change_loss(painted, change, even=self.config.change.even), gap

    def _uniform(
        self, count: int, generator: torch.Generator, wants_metrics: bool
    ) -> tuple[Tensor, dict[str, float]]:
        """Return the loss of guessing codes on straight lines, and what is worth knowing of it.

        Frames are seen whole, as the encoder will see them: the videos move the camera themselves.
        """
        if self.uniform is None:
            raise ValueError("this learner was made without videos of uniform motion")
        encoder, config = self.config.encoder, self.config.uniform
        drawn = draw_triples(self._takes, count, config.each, generator)
        index = drawn.frames.flatten().numpy()
        stored = torch.from_numpy(np.ascontiguousarray(self.uniform.frames[index]))
        stored = stored.unflatten(0, (-1, 3))
        stored[drawn.pairs[:, 1]] = stored[drawn.pairs[:, 1]].flip(3)
        stored = stored.flatten(0, 1)
        stills = preprocess(stored.to(self.network.device), (encoder.side, encoder.side))
        if config.recolour:
            stills = recoloured(stills, config.recolour, generator)
        patches = cut_patches(stills.unsqueeze(2), encoder.patch_size, 1)
        tables = self.network.tables(1)[0]
        noise = None
        if config.noise:
            shape = (len(patches), encoder.tokens_per_frame, encoder.width)
            noise = config.noise * torch.randn(shape, generator=generator).to(patches.device)
        with autocast(patches.device):
            codes, guesses = self.network.read_codes(patches, tables, noise)
        loss, found = uniform_loss(codes.unflatten(0, (-1, 3)))
        values = {"uniform_loss": float(loss.detach()), "uniform_found": float(found)}
        if config.precision:
            numbers = self.network.narrowed(codes).unflatten(0, (-1, 3))
            vague, told = precision_loss(numbers)
            values["uniform_precision"] = float(told.sum())
            loss = loss + config.precision * vague
            if guesses is not None and len(drawn.pairs):
                pairs = drawn.pairs.to(patches.device)
                blind, told = views_loss(guesses.unflatten(0, (-1, 3)), numbers, pairs)
                values["uniform_views"] = float(told.sum())
                loss = loss + config.views * blind
        if wants_metrics:
            with autocast(patches.device):
                tokens = self.network.teach(patches, tables)
            values |= collapse_monitor(tokens.unsqueeze(1), "uniform")
        return loss, values

    def _losses(
        self, patches: Tensor, tubelets: int, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Return the loss of each kind of mask (kinds,) and the teacher's tokens (B, N, D)."""
        tables = self.network.tables(tubelets)
        losses = []
        with autocast(patches.device):
            targets = self.network.teach(patches, tables[0])
            for kind, mask_config in enumerate(self.config.masks):
                mask = sample_mask(
                    mask_config, self.config.encoder.grid, tubelets, len(patches), generator
                ).to(patches.device)
                predicted = self.network.predict(patches, mask, kind, tables)
                rows = torch.arange(len(patches), device=patches.device).unsqueeze(1)
                losses.append((predicted.float() - targets[rows, mask.hidden]).abs().mean())
        return torch.stack(losses), targets

    def evaluate(self, step: int) -> dict[str, float]:
        """Return what the watcher, if there is one, sees in the teacher's tokens."""
        return {} if self.watch is None else self.watch(self.encoder().to(self.team.device))

    def encoder(self) -> FrameEncoder:
        """Return the teacher so far, as a frozen encoder of its own."""
        with torch.random.fork_rng(devices=[]):
            encoder = FrameEncoder(self.config.encoder)
        encoder.backbone.load_state_dict(self.network.teacher.state_dict())
        return encoder.requires_grad_(False).eval()

    def setup(self) -> Setup:
        """Return recipe and videos; not what only says how it goes."""
        store = self.store
        return (
            plain("recipe", self.config, leave_out=("checkpointing",))
            | plain("frames", store.config)
            | {"videos": len(store.videos), "data": store.identity()}
            | ({} if self.uniform is None else {"uniform_data": self.uniform.identity()})
        )

    def state(self) -> dict[str, Any]:
        """Return weights of all three networks and the optimiser's moments."""
        return {
            "network": self.network.state_dict(),
            "adamw": self.optimiser.adamw.state_dict(),
        } | self.draws.state()

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from `state`; raises ValueError for another seed, RuntimeError for other sizes."""
        self.draws.load_state(state)
        self.network.load_state_dict(state["network"])
        self.optimiser.adamw.load_state_dict(state["adamw"])


def collapse_monitor(tokens: Tensor, name: str) -> dict[str, float]:
    """Return how much LayerNormed tokens (B, T, N, D) differ over clips and over time.

    Both fall to 0 when the representation collapses; 1 is the spread of a channel within a token.
    One clip alone has no spread over the data, a still none over time.
    """
    spread = {}
    if len(tokens) > 1:
        spread[f"spread_{name}/data"] = float(tokens.std(0).mean())
    if tokens.shape[1] > 1:
        spread[f"spread_{name}/time"] = float(tokens.std(1).mean())
    return spread
