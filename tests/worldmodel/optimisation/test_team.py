"""What a process asks of accelerate when it is one of several; here accelerate is an impostor."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import torch

from armchair.errors import ArmchairError, BadValueError
from armchair.worldmodel.optimisation.team import Team
from tests.worldmodel.optimisation.test_loop import Walker, walk


@pytest.fixture
def impostor(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, int], dict[str, Any]]:
    """Make every `Team` the process of a rank on a node; what it was asked for is returned."""

    def install(rank: int, local_rank: int) -> dict[str, Any]:
        seen: dict[str, Any] = {"waited": 0}

        class Accelerator:
            process_index, num_processes = rank, 4
            device = torch.device("cpu")

            def __init__(self, **options: Any) -> None:
                seen.update(options)

            @contextmanager
            def local_main_process_first(self) -> Iterator[None]:
                seen["waited"] += local_rank != 0
                yield

            def gather(self, mine: torch.Tensor) -> torch.Tensor:
                return torch.cat([mine, torch.zeros_like(mine)])

        monkeypatch.setenv("WORLD_SIZE", "4")
        monkeypatch.setattr("accelerate.Accelerator", Accelerator)
        return seen

    return install


def test_processes_wait_a_day_for_one_that_encodes(
    impostor: Callable[[int, int], dict[str, Any]],
) -> None:
    seen = impostor(1, 1)
    Team()
    (asked,) = seen["kwargs_handlers"]
    assert asked.timeout == timedelta(hours=24)


@pytest.mark.parametrize(("rank", "local_rank"), [(0, 0), (1, 1), (2, 0), (3, 1)])
def test_the_first_process_of_each_node_makes_its_files(
    impostor: Callable[[int, int], dict[str, Any]], rank: int, local_rank: int
) -> None:
    seen = impostor(rank, local_rank)
    with Team().leader_first():
        assert seen["waited"] == local_rank


def test_a_batch_is_shared_evenly(impostor: Callable[[int, int], dict[str, Any]]) -> None:
    Team().check_share(6)
    impostor(0, 0)
    Team().check_share(8)
    with pytest.raises(BadValueError, match=r"clips\.batch 6 cannot be shared evenly by 4 proc"):
        Team().check_share(6)


def test_one_process_waits_for_nobody() -> None:
    team = Team()
    with team.leader_first():
        assert team.gather(3) == [3]


def test_nodes_with_other_checkpoints_do_not_go_on(
    impostor: Callable[[int, int], dict[str, Any]], tmp_path: Path
) -> None:
    walk(tmp_path, Walker(), steps=5)
    impostor(0, 0)
    with pytest.raises(ArmchairError, match=r"are of the steps \[5, 0\]; all must read the same"):
        walk(tmp_path, Walker())
