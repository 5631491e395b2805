"""Collection in parts: resumed, killed, sharded, beside another run; in the end the same set."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from armchair.cli.main import main
from armchair.episode_names import LAB
from armchair.errors import ArmchairError
from armchair.sim import collect as collecting
from armchair.sim.collect import CollectConfig, collect, missing
from armchair.sim.droid_writer import TEMPORARY, existing_indices
from armchair.sim.shard import Shard
from armchair.worldmodel.data.validate import validate_episode
from tests.sim.collecting import ROWS, TINY, content, episodes

COMMAND = [sys.executable, "-m", "armchair", "collect", "--rows", str(ROWS), "--workers", "2"]


def test_existing_episodes_are_kept(
    collected: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made: list[int] = []
    monkeypatch.setattr(collecting, "make_episode", lambda _c, _r, index: made.append(index))
    config = CollectConfig(episodes=3, rows=ROWS)
    assert missing(config, collected) == [2]
    list(collect(config, collected))
    assert made == [2]
    made.clear()
    list(collect(config, tmp_path))
    assert made == [0, 1, 2]


def test_the_verb_tells_what_is_there_and_what_is_new(
    collected: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(collected, tmp_path, dirs_exist_ok=True)
    shutil.rmtree(list(episodes(tmp_path).values())[1])
    options = ["--episodes", "2", "--rows", str(ROWS), "--workers", "1"]
    assert main(["collect", "--out", str(tmp_path), *options]) == 0
    assert episodes(tmp_path).keys() == episodes(collected).keys()
    *table, line = capsys.readouterr().out.splitlines()
    cells = [[cell.strip() for cell in row.split("│")[1:-1]] for row in table]
    assert ["steps", "box", "2", "0.1", "100%", "100%"] in cells
    assert ["all", "", "2", "0.1", "100%", "100%"] in cells
    assert line.startswith(f"2 episodes of {ROWS} rows in {tmp_path}, 1 of them new: ")


def test_an_episode_that_another_run_made_meanwhile_is_no_error(collected: Path) -> None:
    before = {name: content(folder) for name, folder in episodes(collected).items()}
    assert collecting.make_episode(TINY, collected, 0) == 0
    assert {name: content(folder) for name, folder in episodes(collected).items()} == before


def test_shards_share_the_work(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made: list[int] = []

    def make(_config: CollectConfig, _root: Path, index: int) -> int:
        made.append(index)
        return index

    monkeypatch.setattr(collecting, "make_episode", make)
    config = CollectConfig(episodes=7, rows=ROWS)
    for number in (3, 1, 2):
        shard = Shard(number, 3)
        assert list(collect(config, tmp_path, shard=shard)) == list(shard.of(7))
    assert sorted(made) == list(range(7))


def wait_until(condition: Callable[[], bool], seconds: float = 300.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "gave up waiting"
        time.sleep(0.05)


def group_is_gone(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.parametrize(
    "stop", [signal.SIGKILL, pytest.param(signal.SIGINT, marks=pytest.mark.slow)]
)
def test_a_killed_run_loses_nothing_and_goes_on(collected: Path, tmp_path: Path, stop: int) -> None:
    """Workers end with their parent; what is there is whole and the same as from one process."""
    process = subprocess.Popen(
        [*COMMAND, "--out", str(tmp_path), "--episodes", "50"],
        start_new_session=True,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        wait_until(lambda: len(existing_indices(tmp_path)) >= 1 or process.poll() is not None)
        if stop == signal.SIGINT:
            os.killpg(process.pid, stop)  # as a terminal does it
        else:
            process.kill()
        _, complaint = process.communicate(timeout=60)
        wait_until(lambda: group_is_gone(process.pid), 60)
    finally:
        if not group_is_gone(process.pid):
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == (-signal.SIGKILL if stop == signal.SIGKILL else 130)
    assert "Traceback" not in complaint
    made = existing_indices(tmp_path)
    assert 1 <= len(made) < 50
    for folder in episodes(tmp_path).values():
        assert validate_episode(folder) == []
    config = CollectConfig(episodes=max(made | {1}) + 1, rows=ROWS)
    list(collect(config, tmp_path))
    assert existing_indices(tmp_path) == set(range(config.episodes))
    assert not list(tmp_path.glob(f"{LAB}/*/*/{TEMPORARY}*"))
    after = episodes(tmp_path)
    for name, folder in episodes(collected).items():
        assert content(folder) == content(after[name])


def _die(_config: CollectConfig, _root: Path, _index: int) -> int:
    os._exit(9)


def test_a_worker_that_dies_is_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collecting, "make_episode", _die)
    with pytest.raises(ArmchairError, match=r"worker process of 2 died.*fewer workers"):
        list(collect(TINY, tmp_path, workers=2))
