"""Held-out episodes: chosen by name, never learnt from, and no other than those asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from armchair.errors import BadValueError
from armchair.sim.droid_writer import write_episode
from armchair.worldmodel.data.episodes import DroidEpisodes, EpisodeHandle
from armchair.worldmodel.encoder import FrameEncoder
from armchair.worldmodel.encoder_files import save_encoder
from armchair.worldmodel.optimisation.reporter import Reporter
from armchair.worldmodel.training.cache_layout import CacheConfig
from armchair.worldmodel.training.run import TrainRun, find_both, prepare_caches
from armchair.worldmodel.training.split import split_episodes
from tests.factories import make_episode


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three episodes, none of which is among `episodes`."""
    root = tmp_path_factory.mktemp("others")
    for index in (10, 11, 12):
        write_episode(root, make_episode(index, rows=60))
    return root


def named(count: int) -> list[EpisodeHandle]:
    day = Path("/data/LAB/success/2026-01-01")
    return [EpisodeHandle(day / str(number)) for number in range(count)]


def test_one_in_twenty_is_held_out_and_the_choice_stays() -> None:
    learnt, out = split_episodes(named(1000))
    assert len(learnt) + len(out) == 1000
    assert 30 < len(out) < 70
    for count in range(2, 60):
        few, more = split_episodes(named(count)), split_episodes(named(count + 1))
        assert few[0]
        assert few[1]
        assert not set(few[0]) & set(more[1])  # what was learnt from is not held out later
    moved = [EpisodeHandle(Path("/elsewhere") / e.path.relative_to("/data")) for e in named(1000)]
    assert [e.path.name for e in split_episodes(moved)[1]] == [e.path.name for e in out]
    with pytest.raises(BadValueError, match="one episode alone is too few"):
        split_episodes(named(1) * 3)


def test_a_shared_cache_gives_what_each_run_asked_for(
    episodes: Path, others: Path, encoder: FrameEncoder, tmp_path: Path
) -> None:
    save_encoder(tmp_path / "encoder", encoder)
    own = {folder: {str(e.path) for e in DroidEpisodes(folder)} for folder in (episodes, others)}

    def given(learn: Path, held_out: tuple[Path, ...] = ()) -> tuple[set[str], set[str]]:
        run = TrainRun(
            episodes=(learn,),
            encoder=tmp_path / "encoder",
            out=tmp_path / "out",
            cache=tmp_path / "cache",
            held_out=held_out,
        )
        with Reporter(run.out, "train", silent=True) as reporter:
            caches = prepare_caches(run, find_both(run), encoder, CacheConfig(), reporter)
        learnt, out = ({episode.path for episode in cache.episodes} for cache in caches)
        return learnt, out

    learnt, out = given(episodes)
    assert (len(learnt), len(out)) == (3, 1)
    assert learnt | out == own[episodes]
    assert given(episodes, (others,)) == (own[episodes], own[others])
    learnt, out = given(others)
    assert (len(learnt), len(out)) == (2, 1)
    assert learnt | out == own[others]


def test_learnt_from_and_held_out_at_once(episodes: Path, tmp_path: Path) -> None:
    one = DroidEpisodes(episodes)[0].path
    run = TrainRun(episodes=(episodes,), held_out=(one,), encoder=one, out=tmp_path, cache=tmp_path)
    with pytest.raises(BadValueError, match=r"in --episodes and in --held-out \(1 in all"):
        find_both(run)
