"""A third objective on video alone: where things move uniformly, so shall what is read of them.

The encoder sees three frames, each alone: one end of a uniform motion, the middle, the other end.
One linear map reads the tokens of each into a code of a few numbers, and of two codes the third
must follow on a straight line: the middle is the mean of the ends, an end is twice the middle less
the other. Each guess must lie nearer to its own frame's code than to those of all other frames of
the batch (InfoNCE, van den Oord et al., 2018, with squared distances), so that the code cannot
collapse. Where the videos change lamps, colours and the camera's place from picture to picture
(behaviour `glide`), positions are all that it can hold on to, and it must hold them linearly:
temporal straightening (Hénaff et al., 2019) as an objective. No state, action or label is involved;
not part of V-JEPA 2.

InfoNCE is content once the frames of a batch are told apart, which the hand alone can do.
`precision` goes on from there: a few numbers that are linear in the code, uncorrelated over the
batch, and each by itself shall tell the middle from all other frames, so that what is hard to see
counts as much as what is easy. InfoNCE bounds what the ends tell of the middle from below; a bound
from above, as a Gaussian's entropy is, would be met by numbers that are the same in nearly all
frames and spring in a few.

`views` asks two cameras about the same moment (contrastive multiview coding, Tian et al., 2020):
from the tokens of one picture alone, a linear map must find the numbers that are read from the
other's. What is depth to one camera lies across the other's line of sight.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from armchair.errors import BadValueError, check_counts
from armchair.worldmodel.data.frame_store import FrameStore
from armchair.worldmodel.encoder import EncoderConfig
from armchair.worldmodel.statistics import layer_normalised

FREEDOM = 3.0
"""Degrees of freedom of Student's t, so that what cannot be seen may be far off."""
LEAST_VARIANCE = 1e-4
"""Added to the variances of numbers, relative to their mean, before they are made uncorrelated."""
LEAST_MISS = 1e-3
"""Least median distance of guesses, in deviations of the numbers."""
MEDIAN_OF_T = 0.765
"""The median of the distance from 0 under Student's t of 3 degrees of freedom."""
PICTURE_ROWS = 4
"""Rows for which a video of uniform motion shows each picture; a store must keep one of them."""


@dataclass(frozen=True, kw_only=True)
class UniformConfig:
    """Size and share of the objective; the linear map is thrown away after pre-training."""

    triples: int = 0
    """Threes of frames per step, beside the rest of the batch; 0 goes without."""
    each: int = 5
    """Triples that are drawn from one video, or from one take of two, from which an odd number is
    rounded up: its frames are the harder ones."""
    weight: float = 1.0
    """Weight of the whole objective (nats) beside the L1 of eq. (1)."""
    code: int = 32
    """Numbers that are read from a frame."""
    recolour: float = 0.0
    """How far each frame's colours are turned and shifted, beside what the videos change, up to 1:
    fewer videos are learnt by heart."""
    noise: float = 0.0
    """Deviation of the noise on LayerNormed tokens as they are read: what positions do to them must
    stand out from it, and so from what bfloat16 rounds off. Without it tokens draw together."""
    precision: float = 0.0
    """Weight of the second loss (nats) beside the first; 0 goes without."""
    directions: int = 12
    """Numbers, linear in the code, that the second loss looks at; fewer than the triples of each
    part of a step."""
    views: float = 0.0
    """Weight of the third loss (nats) beside the first, on those numbers of two cameras; 0 goes
    without."""

    def __post_init__(self) -> None:
        check_counts(self, "each", "code", "directions")
        if not 0 <= self.recolour <= 1:
            raise BadValueError(f"uniform: recolour is {self.recolour}; it is in [0, 1].")
        if not 0 <= self.noise < math.inf:
            raise BadValueError(f"uniform: noise is {self.noise}, expected 0 or more.")
        if not 0 <= self.precision < math.inf:
            raise BadValueError(f"uniform: precision is {self.precision}, expected 0 or more.")
        if not 0 <= self.views < math.inf:
            raise BadValueError(f"uniform: views is {self.views}, expected 0 or more.")
        if self.views and not self.precision:
            raise BadValueError(
                f"uniform: views {self.views} looks at the numbers of precision, which is 0; give "
                "--recipe.uniform.precision 1 as well."
            )
        if self.precision and self.directions >= self.triples:
            raise BadValueError(
                f"uniform: {self.directions} directions are told from {self.triples} triples; give "
                "more triples or fewer directions."
            )
        if self.precision and self.directions > self.code:
            raise BadValueError(
                f"uniform: {self.directions} directions are linear in a code of {self.code}; give "
                "fewer directions or a longer code."
            )
        if self.triples < 0 or not 0 < self.weight < math.inf:
            raise BadValueError(
                f"uniform: triples is {self.triples}, expected 0 or more, and weight "
                f"{self.weight}, expected more than 0."
            )


def check_part(config: UniformConfig, count: int) -> None:
    """Raise `BadValueError` if `count` triples, a part of a step, are too few for the recipe."""
    directions = config.directions if config.precision else 1
    if count <= directions:
        raise BadValueError(
            f"uniform: a part of a step has {count} triples, and {directions} directions take one "
            "more. Raise --recipe.uniform.triples or --recipe.clips.at-once, or take fewer "
            "processes."
        )


class UniformReader(nn.Module):
    """Reads a code from a frame's tokens, and says how near codes must be to count as the same."""

    def __init__(self, config: UniformConfig, encoder: EncoderConfig) -> None:
        super().__init__()
        self.read = nn.Linear(encoder.tokens_per_frame * encoder.width, config.code)
        nn.init.normal_(self.read.weight, std=1 / math.sqrt(self.read.in_features))
        self.log_temperature = nn.Parameter(torch.zeros(()))
        self.narrow: nn.Linear | None = None
        if config.precision:
            self.narrow = nn.Linear(config.code, config.directions, bias=False)
            nn.init.normal_(self.narrow.weight, std=1 / math.sqrt(config.code))
        self.across: nn.Linear | None = None
        if config.views:
            self.across = nn.Linear(self.read.in_features, config.directions)
            nn.init.normal_(self.across.weight, std=1 / math.sqrt(self.read.in_features))

    def forward(self, tokens: Tensor, noise: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Tokens (B, N, D) to codes (B, code), in units of which a distance of 1 is told apart.

        And, with `views`, to guesses (B, directions) of what the other camera's numbers are.
        `noise` (B, N, D): added to the LayerNormed tokens.
        """
        with torch.autocast(tokens.device.type, enabled=False):  # bfloat16 is as coarse as misses
            seen = layer_normalised(tokens.float())
            if noise is not None:
                seen = seen + noise
            codes: Tensor = self.read(seen.flatten(1))
            guesses = None if self.across is None else self.across(seen.flatten(1))
            return codes * torch.exp(-self.log_temperature / 2), guesses


def uniform_loss(codes: Tensor) -> tuple[Tensor, Tensor]:
    """Return the loss in nats of codes (B, 3, code), and the share of guesses that were found.

    Each code is guessed from the other two of its three, among all codes of the batch.
    """
    first, middle, last = codes.unbind(1)
    guesses = torch.stack([2 * middle - last, (first + last) / 2, 2 * middle - first], dim=1)
    logits = -torch.cdist(guesses.flatten(0, 1), codes.flatten(0, 1)).square()
    answers = torch.arange(len(logits), device=logits.device)
    return F.cross_entropy(logits, answers), (logits.argmax(1) == answers).float().mean()


def precision_loss(values: Tensor) -> tuple[Tensor, Tensor]:
    """Return the loss in nats of values (B, 3, n), and what each number tells of the middle (n,).

    The numbers are made uncorrelated and of unit variance over the batch (by Gram and Schmidt, from
    the first on). Then the mean of the ends must find the middle's among the 3 B values of each
    number alone: InfoNCE, by Student's t in units of the median miss. The loss is the sum over the
    numbers; what one tells is log(3 B) less its loss, in nats.
    """
    flat = values.flatten(0, 1)
    white = (flat - flat.mean(0)) @ whitening(flat).T
    first, _, last = white.unflatten(0, (-1, 3)).unbind(1)
    answers = 1 + 3 * torch.arange(len(values), device=values.device)
    return find_numbers((first + last) / 2, white, answers)


def views_loss(guesses: Tensor, values: Tensor, pairs: Tensor) -> tuple[Tensor, Tensor]:
    """Return the loss in nats of guesses (B, 3, n) of the other view's values, and what each tells.

    `pairs` (P, 2): triples of `values` (B, 3, n) that show the same moments from two sides. Each of
    their frames' guesses must find the other's numbers, uncorrelated as in `precision_loss`, among
    those of all frames of the batch. What is to be found does not learn from it: numbers that both
    views find easy would do.
    """
    flat = values.detach().flatten(0, 1)
    white, mean = whitening(flat).T, flat.mean(0)
    frames = torch.arange(len(flat), device=flat.device).unflatten(0, (-1, 3))
    guessed = guesses[pairs.flatten()].flatten(0, 1)
    answers = frames[pairs.flip(1).flatten()].flatten()
    return find_numbers((guessed - mean) @ white, (flat - mean) @ white, answers)


def whitening(values: Tensor) -> Tensor:
    """Return the map (n, n) of centred values (N, n) to uncorrelated ones of unit variance.

    Lower triangular: the first number stays itself but for its unit.
    """
    centred = values - values.mean(0)
    spread = centred.T @ centred / len(values)
    unit = torch.eye(len(spread), device=spread.device)
    floor = LEAST_VARIANCE * spread.diagonal().mean().detach() + 1e-12
    factor, _ = torch.linalg.cholesky_ex(spread + floor * unit)  # NaN goes on to the loss
    inverse: Tensor = torch.linalg.solve_triangular(factor, unit, upper=False)
    return inverse


def find_numbers(guesses: Tensor, values: Tensor, answers: Tensor) -> tuple[Tensor, Tensor]:
    """Return the loss in nats of guesses (G, n) among values (N, n), and what each tells (n,).

    Number by number, guess g must find value answers[g]: InfoNCE, by Student's t in units of the
    median miss, which is at least `LEAST_MISS`.
    """
    guessed, among = guesses.T, values.T
    miss = (among[:, answers] - guessed).detach().abs().median(1).values.clamp(min=LEAST_MISS)
    off = (guessed.unsqueeze(2) - among.unsqueeze(1)) * (MEDIAN_OF_T / miss).view(-1, 1, 1)
    logits = torch.log1p(off.square() / FREEDOM) * (-(FREEDOM + 1) / 2)
    found = logits.log_softmax(2).gather(2, answers.expand(len(logits), -1).unsqueeze(2))
    told = found.mean((1, 2)) + math.log(len(values))
    return -found.mean((1, 2)).sum(), told.detach()


class Take(NamedTuple):
    """What one or two videos show of the same moments, in threes of frames."""

    firsts: list[int]
    """First stored frame of each video; the second video is to be mirrored."""
    threes: int


@dataclass(frozen=True)
class Triples:
    """Threes of frames, and which of them show the same moments from two sides."""

    frames: Tensor
    """Indices (B, 3) of stored frames."""
    pairs: Tensor
    """Triples (P, 2) that two cameras saw at once; the second is to be mirrored."""


def find_takes(store: FrameStore, *, views: bool = False) -> list[Take]:
    """Return the takes of a store: its videos, or, with `views`, its folders of one or two videos.

    Two videos in a folder are in the order of their names. Raises `BadValueError` if no video has
    three frames, and with `views` if a folder has three videos or two of other lengths, or if none
    has two.
    """
    folders: dict[Path, list[tuple[str, int, int]]] = {}
    for video, (first, length) in zip(store.videos, store.episodes, strict=True):
        path = Path(video.path)
        together = path.parent if views else path
        folders.setdefault(together, []).append((path.name, first, length))
    for folder, videos in folders.items():
        lengths = sorted({length for *_, length in videos})
        if len(videos) > 2 or len(lengths) > 1:
            raise BadValueError(
                f"{folder} has {len(videos)} videos of {' and '.join(map(str, lengths))} stored "
                "frames, and uniform.views compares the two of a moment in a folder. Keep the left "
                "and the right camera's (`collect --cameras left right`)."
            )
    if views and all(len(videos) == 1 for videos in folders.values()):
        raise BadValueError(
            f"{store.folder}: uniform.views compares the two videos in a folder, and no folder has "
            "two. Collect them with `armchair collect --mix uniform --cameras left right`."
        )
    takes = [
        Take([first for _, first, _ in sorted(videos)], videos[0][2] // 3)
        for videos in folders.values()
    ]
    if not any(take.threes for take in takes):
        raise BadValueError(
            f"{store.folder}: no video of uniform motion has 3 stored frames. Collect them with "
            "`armchair collect --mix uniform`."
        )
    return [take for take in takes if take.threes]


def check_enough(takes: Sequence[Take], count: int) -> None:
    """Raise `BadValueError` if the takes have fewer than `count` threes of frames."""
    have = sum(take.threes * len(take.firsts) for take in takes)
    if have < count:
        raise BadValueError(
            f"uniform: {count} triples are drawn at once, and the videos of uniform motion have "
            f"{have}. Collect more of them (`armchair collect --mix uniform`), or lower "
            "--recipe.uniform.triples."
        )


def draw_triples(
    takes: Sequence[Take], count: int, each: int, generator: torch.Generator
) -> Triples:
    """Draw `count` threes of frames which the videos are made of, `each` of a take if it has them.

    A moment of a take of two videos is drawn of both, one after the other; none is drawn twice.
    Raises `BadValueError` if the takes have fewer.
    """
    check_enough(takes, count)
    found: list[Tensor] = []
    pairs: list[int] = []
    drawn = 0
    left: dict[int, Tensor] = {}
    while drawn < count:
        for number in torch.randperm(len(takes), generator=generator).tolist():
            firsts, threes = takes[number]
            moments = math.ceil(each / len(firsts))
            if number not in left:
                left[number] = 3 * torch.randperm(threes, generator=generator)
            chosen, left[number] = left[number][:moments], left[number][moments:]
            found.append((chosen.unsqueeze(1) + torch.tensor(firsts)).flatten())
            if len(firsts) == 2:
                pairs += range(drawn, drawn + 2 * len(chosen), 2)
            drawn += len(found[-1])
            if drawn >= count:
                break
    starts = torch.cat(found)[:count]
    of_one = torch.tensor([place for place in pairs if place + 1 < count], dtype=torch.long)
    return Triples(starts.unsqueeze(1) + torch.arange(3), torch.stack([of_one, of_one + 1], dim=1))
