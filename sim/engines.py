"""Who does the work: this machine's processes, or a Ray cluster (extra `ray`).

An engine gets a function of an index and the list of indices, and yields each index as it is done.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import as_completed
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from types import ModuleType

from armchair.errors import ArmchairError
from armchair.registry import Registry
from armchair.sim.workers import spawned

Make = Callable[[int], int]
Engine = Callable[[Make, list[int], int], Iterator[int]]
"""(make, indices, workers) -> indices as they are done; `ArmchairError` when a worker dies."""
ENGINES: Registry[Engine] = Registry("engine")
ANSWER_WITHIN_S = 10.0
"""Until a Ray cluster counts as silent."""


@ENGINES.add("local")
def local(make: Make, todo: list[int], workers: int) -> Iterator[int]:
    """One process makes them in order, several as they come."""
    if workers <= 1:
        for index in todo:
            yield make(index)
        return
    try:
        with spawned(workers) as pool:
            for future in as_completed([pool.submit(make, index) for index in todo]):
                yield future.result()
    except BrokenProcessPool as error:
        raise _died(f"{workers}", "fewer workers") from error


@ENGINES.add("ray")
def ray(make: Make, todo: list[int], workers: int) -> Iterator[int]:
    """Tasks of a Ray cluster: the one that RAY_ADDRESS names, or else one on this machine.

    Every node needs Armchair installed, and must see the folder under the same path. `workers` 0
    means as many as it has CPUs.
    """
    ray = _ray_module()

    def one(index: int) -> int | str:
        try:
            return make(index)
        except ArmchairError as error:  # comes home as its one line, whatever Ray makes of errors
            return str(error)

    _join(ray)
    try:
        task, left = ray.remote(one), iter(todo)
        most = workers or int(ray.cluster_resources().get("CPU", 1))
        running = [task.remote(index) for index in islice(left, most)]
        while running:
            done, running = ray.wait(running, num_returns=1)
            for result in ray.get(done):
                if isinstance(result, str):
                    raise ArmchairError(result)
                yield result
            running += [task.remote(index) for index in islice(left, len(done))]
    except ray.exceptions.RayTaskError:
        raise  # our own mistake, with the worker's traceback
    except ray.exceptions.RayError as error:
        raise _died("the Ray cluster", "more memory per worker") from error
    finally:
        ray.shutdown()


def _join(ray: ModuleType) -> None:
    """Start Ray here, or join the cluster that RAY_ADDRESS names.

    Ray itself would knock at a silent address for ever.
    """
    address = os.environ.get("RAY_ADDRESS", "")
    host, _, port = address.removeprefix("ray://").rpartition(":")
    try:
        if host and port.isdecimal():
            socket.create_connection((host, int(port)), ANSWER_WITHIN_S).close()
        ray.init(ignore_reinit_error=True, log_to_driver=False, logging_level=logging.ERROR)
    except (OSError, RuntimeError, ValueError) as error:
        words = " ".join(str(error).split())
        raise ArmchairError(
            f"engine 'ray': no Ray at {address or 'this machine'} ({words}). "
            "Check RAY_ADDRESS and `ray status`, or take `--engine local`."
        ) from error


def _ray_module() -> ModuleType:
    try:
        import ray
    except ModuleNotFoundError as error:
        if error.name != "ray":
            raise
        raise ArmchairError(
            "engine 'ray': Ray is not installed. Run `pip install -e '.[ray]'` in your clone, or "
            "take `--engine local`."
        ) from error
    module: ModuleType = ray
    return module


def _died(where: str, fix: str) -> ArmchairError:
    return ArmchairError(
        f"a worker process of {where} died, of too little memory perhaps. Run the same command "
        f"again with {fix}; complete episodes are kept."
    )
