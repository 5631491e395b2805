"""The objective on uniform motion: threes of one video, a code that becomes linear in places."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from armchair.errors import BadValueError
from armchair.worldmodel.data.frame_store import FrameStore
from armchair.worldmodel.encoder import EncoderConfig
from armchair.worldmodel.optimisation.loop import Moment
from armchair.worldmodel.pretraining.clips import ClipConfig
from armchair.worldmodel.pretraining.learner import PretrainConfig, PretrainLearner
from armchair.worldmodel.pretraining.network import MaskPredictorConfig, cut_patches
from armchair.worldmodel.pretraining.uniform import (
    UniformConfig,
    UniformReader,
    draw_triples,
    find_takes,
    precision_loss,
    uniform_loss,
    views_loss,
)

ENCODER = EncoderConfig(image_size=32, patch_size=8, width=24, depth=1, heads=2)
UNIFORM = UniformConfig(triples=12, each=4, code=4)
RECIPE = PretrainConfig(
    encoder=ENCODER,
    predictor=MaskPredictorConfig(width=16, depth=1, heads=2),
    clips=ClipConfig(batch=4, crop_scale=(1.0, 1.0), crop_aspect=(1.0, 1.0)),
    uniform=UNIFORM,
)
VIDEOS, FRAMES = 20, 32


@dataclass
class Named:
    """What a store knows of a video, as far as the objective asks."""

    path: str


class GlidingSquares(FrameStore):
    """A square glides uniformly, three frames a glide, and all colours change from frame to frame.

    Videos have two frames more than whole glides; `places` (F, 2) are the square's, in pixels.
    """

    def __init__(self, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.folder = Path("memory")
        self.episodes = [(video * FRAMES, FRAMES) for video in range(VIDEOS)]
        self.videos = [Named(f"{video}/only.mp4") for video in range(VIDEOS)]  # type: ignore[misc]
        frames = np.empty((VIDEOS * FRAMES, 32, 32, 3), np.uint8)
        self.places = np.empty((VIDEOS * FRAMES, 2), int)
        for index, frame in enumerate(frames):
            row = index % FRAMES
            if row % 3 == 0:
                start = rng.integers(0, 25, 2)
                half = (rng.integers(0, 25, 2) - start) // 2
            self.places[index] = start + row % 3 * half
            frame[:] = rng.integers(0, 120, 3)
            y, x = self.places[index]
            frame[y : y + 8, x : x + 8] = rng.integers(140, 256, 3)
        self.frames = frames

    def __len__(self) -> int:
        return len(self.frames)


def moment(step: int) -> Moment:
    return Moment(step=step, rate=3e-3, expected_steps=100, wants_metrics=True)


def test_threes_are_those_that_a_video_is_made_of() -> None:
    store = GlidingSquares()
    takes = find_takes(store)
    drawn = draw_triples(takes, 30, 4, torch.Generator().manual_seed(0))
    triples = drawn.frames
    assert drawn.pairs.shape == (0, 2)
    assert triples.shape == (30, 3)
    assert (triples.diff(dim=1) == 1).all()
    row = triples % FRAMES
    assert (row[:, 0] % 3 == 0).all()
    assert (row[:, 2] < 30).all(), "what is left over at a video's end is no glide"
    videos, counts = (triples[:, 0] // FRAMES).unique(return_counts=True)
    assert len(videos) == 8
    assert counts.tolist().count(4) == 7
    assert len(triples[:, 0].unique()) == 30
    every = draw_triples(takes, 10 * VIDEOS, 4, torch.Generator().manual_seed(0)).frames[:, 0]
    assert len(every.unique()) == 10 * VIDEOS, "none is drawn twice: it would be its own rival"
    with pytest.raises(BadValueError, match=r"201 triples are drawn at once.* have 200\. Collect"):
        draw_triples(takes, 10 * VIDEOS + 1, 4, torch.Generator())


def test_videos_that_are_too_short() -> None:
    store = GlidingSquares()
    store.videos = store.videos[:2]
    store.episodes = [(0, 2), (2, 1)]
    with pytest.raises(BadValueError, match=r"memory: no video of uniform motion has 3 stored"):
        find_takes(store)
    store.episodes = [(0, 2), (2, 3)]
    drawn = draw_triples(find_takes(store), 1, 2, torch.Generator())
    assert (drawn.frames == torch.tensor([2, 3, 4])).all()


def test_the_loss_asks_for_straight_lines_that_are_told_apart() -> None:
    ends = 10 * torch.randn(6, 2, 3, generator=torch.Generator().manual_seed(0))
    straight = torch.stack([ends[:, 0], ends.mean(1), ends[:, 1]], dim=1)
    loss, found = uniform_loss(straight)
    assert loss < 0.01
    assert found == 1.0
    bent = straight.clone()
    bent[:, 1] += 20.0
    assert uniform_loss(bent)[0] > 1.0
    loss, _ = uniform_loss(torch.zeros(6, 3, 3))
    assert loss.item() == pytest.approx(np.log(18)), "one code for all is as good as guessing"


def told(values: torch.Tensor) -> torch.Tensor:
    """Return what each number tells of the middle, in the mean over batches of 32 triples."""
    loss, of_each = zip(*(precision_loss(batch) for batch in values.split(32)), strict=True)
    mean = torch.stack(of_each).mean(0)
    assert float(sum(loss)) / len(loss) == pytest.approx(float((np.log(96) - mean).sum()), abs=1e-4)
    return mean


def test_precision_counts_in_nats_what_each_number_tells_of_the_middle() -> None:
    """Exact numbers tell up to log 96, in any unit; noise tells nothing; rare slips cost little;
    and what is said twice, or of few frames alone, counts once or hardly."""
    generator = torch.Generator().manual_seed(0)
    ends = torch.rand(3200, 2, 2, generator=generator)
    noise = 0.02 * torch.randn(3200, 3, 2, generator=generator)
    straight = torch.stack([ends[:, 0], ends.mean(1), ends[:, 1]], dim=1)
    rough = told(straight + noise)
    assert (told(straight) > 4.3).all()
    assert ((rough > 2.0) & (rough < 3.5)).all()
    assert (told(straight + noise / 2) > rough + 0.3).all()
    torch.testing.assert_close(told(50 * straight + 50 * noise - 7), rough, atol=1e-3, rtol=0)
    assert (told(noise) < 0).all()
    slips = straight + noise
    slips[::100, 1] += 10.0
    assert (rough - told(slips) < 0.3).all()
    twice = (straight + noise)[..., :1].expand(-1, -1, 2) + noise.flip(-1) / 100
    assert told(twice)[0] > 2.0
    assert told(twice)[1] < 0.1
    springs = noise / 100
    springs[::16] += 100 * ends[::16, :1]
    assert (told(springs) < 0.5).all()


def test_codes_are_linear_in_the_layer_normalised_tokens() -> None:
    reader = UniformReader(UNIFORM, ENCODER)
    tokens = torch.randn(5, 16, 24)
    codes, guesses = reader(tokens)
    assert codes.shape == (5, 4)
    assert guesses is None
    torch.testing.assert_close(reader(3 * tokens)[0], codes, atol=1e-4, rtol=1e-4)
    noise = torch.randn(5, 16, 24)
    added = reader(tokens, noise)[0] - codes
    torch.testing.assert_close(added, noise.flatten(1) @ reader.read.weight.T)
    with torch.no_grad():
        reader.log_temperature += np.log(4.0)
    torch.testing.assert_close(reader(tokens)[0], codes / 2)


@pytest.mark.parametrize("precision", [0.0, 1.0])
def test_places_become_linear_in_the_tokens(precision: float) -> None:
    """Of other videos, whose colours were never seen; the same fit before training is the bar."""
    recipe = replace(RECIPE, uniform=replace(UNIFORM, precision=precision, directions=3))
    learner = PretrainLearner(recipe, GlidingSquares(), 0, uniform=GlidingSquares())
    fitted, tested = GlidingSquares(1), GlidingSquares(2)

    def error() -> float:
        """Mean error in pixels of a linear map from codes to places."""

        def codes(store: GlidingSquares) -> np.ndarray:
            pixels = torch.from_numpy(store.frames).permute(0, 3, 1, 2).float().unsqueeze(2) / 128
            patches = cut_patches((pixels - 1).expand(-1, -1, 2, -1, -1), 8, 2)
            with torch.no_grad():
                read, _ = learner.network.read_codes(patches, learner.network.tables(1)[0])
            return np.c_[read.numpy(), np.ones(len(read))]

        weights = np.linalg.lstsq(codes(fitted), fitted.places, rcond=None)[0]
        return float(np.abs(codes(tested) @ weights - tested.places).mean())

    before = error()
    values = [learner.update(moment(step)) for step in range(80)]
    assert values[0]["uniform_found"] < 0.2
    assert np.mean([v["uniform_found"] for v in values[-20:]]) > 0.3
    assert error() < 0.4 * before
    nats = [v.get("uniform_precision", 0.0) for v in values]
    assert (nats[-1] > nats[0] + 0.5) == bool(precision)


def test_pictures_are_seen_whole_and_in_other_colours() -> None:
    def loss(recolour: float, crop: float) -> float:
        clips = replace(RECIPE.clips, batch=0, crop_scale=(crop, crop))
        recipe = replace(RECIPE, clips=clips, uniform=replace(UNIFORM, recolour=recolour))
        learner = PretrainLearner(recipe, GlidingSquares(), 0, uniform=GlidingSquares())
        return learner.update(moment(0))["uniform_loss"]

    assert loss(0.0, 0.5) == loss(0.0, 1.0) != loss(0.5, 1.0)


def test_noise_drowns_what_does_not_stand_out() -> None:
    def found(noise: float) -> list[float]:
        clips = replace(RECIPE.clips, batch=0)
        recipe = replace(RECIPE, clips=clips, uniform=replace(UNIFORM, noise=noise))
        learner = PretrainLearner(recipe, GlidingSquares(), 0, uniform=GlidingSquares())
        return [learner.update(moment(step))["uniform_found"] for step in range(60)]

    assert found(0.1) == found(0.1), "drawn from the step"
    assert np.mean(found(0.1)[-20:]) > 3 * np.mean(found(30.0)[-20:])


def test_it_teaches_the_encoder_beside_the_rest() -> None:
    only = replace(RECIPE, uniform=replace(UNIFORM, weight=1e3))
    learner = PretrainLearner(only, GlidingSquares(), 0, uniform=GlidingSquares())
    start = [p.clone() for p in learner.network.student.parameters()]
    values = learner.update(moment(0))
    assert values["loss"] > 500 * values["uniform_loss"]
    moved = [
        float((a - b).detach().abs().max())
        for a, b in zip(start, learner.network.student.parameters(), strict=True)
    ]
    assert min(moved) > 0
    alone = replace(RECIPE, clips=replace(RECIPE.clips, batch=0))
    values = PretrainLearner(alone, GlidingSquares(), 0, uniform=GlidingSquares()).update(moment(0))
    assert values["loss"] == pytest.approx(values["uniform_loss"]), "eq. (1) can be left out"
    assert 0 < values["spread_uniform/data"] < 1.5, "collapse is watched all the same"
    with pytest.raises(BadValueError, match="nothing would be learnt"):
        replace(alone, uniform=UniformConfig())
    plain = PretrainLearner(replace(RECIPE, uniform=UniformConfig()), GlidingSquares(), 0)
    assert plain.network.uniform is None
    assert "uniform_loss" not in plain.update(moment(0))
    with pytest.raises(ValueError, match="without videos of uniform motion"):
        PretrainLearner(RECIPE, GlidingSquares(), 0).update(moment(0))


class TwoViews(GlidingSquares):
    """Two cameras across from each other watch a square in space; each sees along another axis.

    The square's size alone tells of how near it is: what is depth to one camera is the place from
    left to right to the other, whose videos (the odd ones) are mirrored.
    """

    def __init__(self, seed: int = 0) -> None:
        super().__init__(seed)
        self.videos = [Named(f"{v // 2}/{'ab'[v % 2]}.mp4") for v in range(VIDEOS)]  # type: ignore[misc]
        rng = np.random.default_rng(seed)
        self.places = np.empty((VIDEOS * FRAMES, 3), int)
        for index in range(len(self.frames)):
            row, video = index % FRAMES, index // FRAMES
            if row % 3 == 0:
                start = rng.integers(0, 21, 3)
                half = (rng.integers(0, 21, 3) - start) // 2
            self.places[index] = start + row % 3 * half
            if video % 2:
                self.places[index] = self.places[index - FRAMES][[0, 2, 1]]
            frame = self.frames[index]
            frame[:] = rng.integers(0, 120, 3)
            y, x, depth = self.places[index]
            side = 4 + depth // 3
            frame[y : y + side, x : x + side] = rng.integers(140, 256, 3)
            if video % 2:
                frame[:] = frame[:, ::-1].copy()


def test_moments_are_drawn_of_both_views() -> None:
    store = TwoViews()
    store.episodes[2:4] = [(2 * FRAMES, 6), (3 * FRAMES, 6)]
    store.videos[4:6] = [Named("alone/a.mp4"), Named("alone too/a.mp4")]  # type: ignore[misc]
    takes = find_takes(store, views=True)
    count = 10 * (VIDEOS - 2) + 2 * 2  # all that there are
    drawn = draw_triples(takes, count, 5, torch.Generator().manual_seed(0))
    assert len(drawn.frames.unique(dim=0)) == count
    first, second = drawn.frames[drawn.pairs].unbind(1)
    assert (second - first == FRAMES).all()
    assert (first[:, 0] // FRAMES % 2 == 0).all()
    assert len(drawn.pairs) == (count - 2 * 10) // 2
    assert (drawn.pairs[:, 1] - drawn.pairs[:, 0] == 1).all()
    single = torch.ones(count, dtype=torch.bool)
    single[drawn.pairs.flatten()] = False
    assert set((drawn.frames[single][:, 0] // FRAMES).tolist()) == {4, 5}
    some = draw_triples(takes, 11, 5, torch.Generator().manual_seed(0))
    assert some.pairs.max() < 11, "the last one's other view may be cut off"
    store.videos[4:6] = [Named("0/c.mp4"), Named("0/d.mp4")]  # type: ignore[misc]
    with pytest.raises(BadValueError, match="0 has 4 videos of 32 stored"):
        find_takes(store, views=True)
    store = TwoViews()
    store.episodes[3] = (3 * FRAMES, 6)
    with pytest.raises(BadValueError, match="1 has 2 videos of 6 and 32 stored"):
        find_takes(store, views=True)
    with pytest.raises(BadValueError, match=r"no folder has two.*--cameras left right"):
        find_takes(GlidingSquares(), views=True)


def test_views_count_in_nats_what_one_picture_tells_of_the_other() -> None:
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(40, 3, 2, generator=generator, requires_grad=True)
    pairs = torch.tensor([[0, 1], [4, 5], *([n, n + 1] for n in range(10, 38, 2))])
    right = torch.zeros(40, 3, 2)
    right[pairs] = values.detach()[pairs.flip(1)]
    guesses = right.clone().requires_grad_()
    loss, told = views_loss(guesses, values, pairs)
    assert (told > 4.4).all(), "up to log 120"
    assert loss.item() == pytest.approx(float((np.log(120) - told).sum()), abs=1e-4)
    loss.backward()
    assert guesses.grad is not None
    assert values.grad is None, "what is to be found learns from its own view alone"
    rough = right + 0.1 * torch.randn(40, 3, 2, generator=generator)
    assert (views_loss(rough, values, pairs)[1] < told - 1.0).all()
    own = views_loss(values.detach(), values, pairs)[1]
    assert (own < 0.2).all(), "its own numbers are not the other's"


def test_the_second_view_is_mirrored(monkeypatch: pytest.MonkeyPatch) -> None:
    store = TwoViews()
    videos = store.frames.reshape(VIDEOS, FRAMES, 32, 32, 3)
    videos[1::2] = videos[::2, :, :, ::-1]
    uniform = replace(UNIFORM, views=1.0, precision=1.0, directions=3)
    recipe = replace(RECIPE, clips=replace(RECIPE.clips, batch=0), uniform=uniform)
    learner = PretrainLearner(recipe, store, 0, uniform=store)
    seen = []
    plain = learner.network.read_codes
    monkeypatch.setattr(
        learner.network,
        "read_codes",
        lambda patches, *rest: seen.append(patches) or plain(patches, *rest),
    )
    learner.update(moment(0))
    first, second = seen[0].unflatten(0, (-1, 2, 3)).unbind(1)
    assert torch.equal(first, second), "the mirrored copy of a picture is that picture again"


def test_what_the_other_camera_sees_is_learnt() -> None:
    uniform = replace(UNIFORM, triples=24, precision=1.0, directions=3)
    only = replace(RECIPE, clips=replace(RECIPE.clips, batch=0))

    def nats(seed: int, **settings: float) -> list[float]:
        recipe = replace(only, uniform=replace(uniform, **settings))
        learner = PretrainLearner(recipe, TwoViews(), seed, uniform=TwoViews())
        return [learner.update(moment(step)).get("uniform_views", np.nan) for step in range(80)]

    told = nats(0, views=1.0)
    assert np.mean(told[:5]) < 0.2
    assert np.mean(told[-10:]) > 1.0
    assert np.isnan(nats(0)).all()


def test_parts_that_are_too_small(monkeypatch: pytest.MonkeyPatch) -> None:
    def learner(triples: int, at_once: int | None, **settings: float) -> PretrainLearner:
        clips = replace(RECIPE.clips, batch=0, at_once=at_once)
        uniform = replace(UNIFORM, triples=triples, **settings)  # type: ignore[arg-type]
        recipe = replace(RECIPE, clips=clips, uniform=uniform)
        return PretrainLearner(recipe, GlidingSquares(), 0, uniform=GlidingSquares())

    assert np.isfinite(learner(12, 4, precision=1.0, directions=3).update(moment(0))["loss"])
    with pytest.raises(BadValueError, match="part of a step has 1 triples, and 3 directions"):
        learner(13, 4, precision=1.0, directions=3)
    with pytest.raises(BadValueError, match="part of a step has 1 triples"):
        learner(12, 1)
    with pytest.raises(BadValueError, match="400 triples are drawn at once"):
        learner(400, None)


def test_a_loss_that_is_no_number_is_told_as_one() -> None:
    values = torch.randn(8, 3, 2)
    values[0, 0, 0] = torch.nan
    assert precision_loss(values)[0].isnan()


def test_codes_are_read_in_float32() -> None:
    reader = UniformReader(replace(UNIFORM, precision=1.0, directions=2, views=1.0), ENCODER)
    tokens = torch.randn(5, 16, 24, dtype=torch.bfloat16)
    plain = reader(tokens.float())
    with torch.autocast("cpu", torch.bfloat16):
        within = reader(tokens)
    for found, wanted in zip(within, plain, strict=True):
        assert found.dtype == torch.float32
        assert torch.equal(found, wanted)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"each": 0}, "each"),
        ({"code": 0}, "code"),
        ({"triples": -1}, "triples is -1"),
        ({"weight": float("inf")}, "weight inf"),
        ({"weight": 0.0}, "weight 0.0, expected more than 0"),
        ({"precision": -1.0}, "precision is -1.0"),
        ({"precision": 1.0, "triples": 12}, "12 directions are told from 12 triples"),
        ({"recolour": 1.5}, "recolour is 1.5"),
        ({"noise": -0.1}, "noise is -0.1"),
        ({"views": -1.0}, "views is -1.0"),
        ({"views": 1.0}, "precision, which is 0"),
        ({"precision": 1.0, "triples": 40, "code": 8}, "12 directions are linear in a code of 8"),
    ],
)
def test_shares_and_sizes(setting: dict[str, float], message: str) -> None:
    with pytest.raises(BadValueError, match=message):
        UniformConfig(**setting)  # type: ignore[arg-type]
