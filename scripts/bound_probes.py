"""How well a linear reader finds flange and object at best: from true places in the picture.

    python scripts/bound_probes.py --fit runs/model/train --test runs/model/validation

Both commands of data are in scripts/make_model.sh; some seconds of a core. The table goes to
docs/ablations.md. Points of the hand and of the object, and points that never move and so tell
where the camera stands, are projected by each episode's recorded camera into the middle square of
the picture, at the encoder's 128 pixels, and read by ridge regression.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

import numpy as np
from ablation import PAGE, write_between
from numpy.typing import NDArray

from armchair.episode_names import OBJECT_POSE, SIMULATION, TRAJECTORY
from armchair.evaluation import markdown
from armchair.evaluation.provenance import code_version, in_short, processor
from armchair.poses import euler_to_matrix
from armchair.sim.cameras import LEFT_SERIAL
from armchair.worldmodel.data.episodes import DroidEpisodes, EpisodeHandle
from armchair.worldmodel.data.trajectory import open_trajectory, read_dataset

Array = NDArray[np.float64]

BEGIN, END = "<!-- bound: begin -->", "<!-- bound: end -->"
HAND = [(0, 0, 0), (0, 0, 0.14), (0.04, 0, 0.14), (0, 0.04, 0)]
"""Points of the hand in the flange's frame, metres: flange, between the fingers, beside them."""
OBJECT = [(0, 0, -0.025), (0, 0, 0), (0, 0, 0.025)]
FIXED = [(0, 0, 0), (0, 0, 0.33), (0.1, 0.1, 0), (0.3, -0.3, 0), (0.6, 0.4, 0)]
"""Points of base and table in the base frame, metres."""
PIXELS, STRIDE = 128, 4
NOISES = (0.0, 0.1, 0.25)
"""Deviations of the error of each place, pixels."""
PENALTIES = np.logspace(-9, 1, 11)
"""Tried, relative to the variance of a place."""
CHOICE_EVERY = 5
"""Every fifth episode chooses the penalty."""


def project(points: Array, pose: Array, focal: float) -> Array:
    """Return places (T, P, 2) in pixels from the centre of points (T, P, 3) in the base frame.

    `pose` (T, 6): the camera's position and Euler angles in the base frame, x right, y down.
    """
    seen = np.einsum("tji,tpj->tpi", euler_to_matrix(pose[:, 3:]), points - pose[:, None, :3])
    places: Array = focal * seen[..., :2] / seen[..., 2:]
    return places


def places(episode: EpisodeHandle) -> tuple[dict[str, Array], Array]:
    """Return places (T, 2 P) by what is seen, and positions of flange and object (T, 6)."""
    with open_trajectory(episode.path / TRAJECTORY) as file:
        pose = read_dataset(file, f"observation/camera_extrinsics/{LEFT_SERIAL}_left")[::STRIDE]
        lens = read_dataset(file, f"observation/camera_intrinsics/{LEFT_SERIAL}_left")
    with open_trajectory(episode.path / SIMULATION) as file:
        thing = read_dataset(file, OBJECT_POSE)[::STRIDE, :3]
    flange = episode.states()[::STRIDE]
    lens = lens.reshape(-1, 3, 3)[0]
    focal = PIXELS * lens[1, 1] / (2 * lens[1, 2])  # of a picture PIXELS high
    turned = np.einsum("tij,pj->tpi", euler_to_matrix(flange[:, 3:6]), np.array(HAND))
    points = {
        "hand": flange[:, None, :3] + turned,
        "object": thing[:, None] + np.array(OBJECT),
        "fixed": np.broadcast_to(np.array(FIXED), (len(flange), len(FIXED), 3)),
    }
    seen = {name: project(of, pose, focal).reshape(len(flange), -1) for name, of in points.items()}
    return seen, np.concatenate([flange[:, :3], thing], axis=1)


def features(seen: dict[str, Array], names: Sequence[str], *, pairs: bool) -> Array:
    """Return what the reader is given (F, K): places, and the products of any two of them."""
    found = np.concatenate([seen[name] for name in names], axis=1) / PIXELS
    if not pairs:
        return found
    first, second = np.triu_indices(found.shape[1])
    return np.concatenate([found, found[:, first] * found[:, second]], axis=1)


def readers() -> Iterator[tuple[str, tuple[str, ...], bool]]:
    """Yield what is read in words, its names, and whether with products."""
    yield "hand and object", ("hand", "object"), False
    yield "hand, object and five fixed points", ("hand", "object", "fixed"), False
    yield "hand and object, and products of two", ("hand", "object"), True
    yield "all of them, and products of two", ("hand", "object", "fixed"), True


def gather(folder: Path, noise: float, seed: int) -> tuple[dict[str, Array], Array, Array]:
    """Return places and positions of all episodes, and the episode's number of each frame."""
    episodes = [places(episode) for episode in DroidEpisodes(folder)]
    rng = np.random.default_rng(seed)
    seen = {name: np.concatenate([part[name] for part, _ in episodes]) for name in episodes[0][0]}
    seen = {name: of + noise * rng.standard_normal(of.shape) for name, of in seen.items()}
    counts = [len(positions) for _, positions in episodes]
    owner = np.repeat(np.arange(len(counts)), counts)
    return seen, np.concatenate([positions for _, positions in episodes]), owner


def read(train: Array, wanted: Array, owner: Array, test: Array, truth: Array) -> list[float]:
    """Return mean errors in centimetres of flange and of object.

    In float64, as true places are nearly functions of each other; the penalty is the best on the
    episodes that are kept to choose it.
    """
    centre, spread = train.mean(0), train.std(0) + 1e-9
    x, y = (train - centre) / spread, (test - centre) / spread
    chosen, found = owner % CHOICE_EVERY == 0, []
    for of in (slice(0, 3), slice(3, 6)):
        aim, true = wanted[:, of], truth[:, of]
        tried = [_error(x[~chosen], aim[~chosen], x[chosen], aim[chosen], p) for p in PENALTIES]
        found.append(_error(x, aim, y, true, PENALTIES[int(np.argmin(tried))]))
    return found


def _error(x: Array, aim: Array, to: Array, true: Array, penalty: float) -> float:
    mean = aim.mean(0)
    weights = np.linalg.solve(x.T @ x + penalty * len(x) * np.eye(x.shape[1]), x.T @ (aim - mean))
    return 100 * float(np.linalg.norm(to @ weights + mean - true, axis=1).mean())


def table(fit: Path, test: Path) -> str:
    """Return the Markdown of the errors."""
    cells: dict[str, list[str]] = {words: [] for words, _, _ in readers()}
    for noise in NOISES:
        seen, wanted, owner = gather(fit, noise, 0)
        held, truth, _ = gather(test, noise, 1)
        for words, names, pairs in readers():
            given, asked = (features(of, names, pairs=pairs) for of in (seen, held))
            flange, thing = read(given, wanted, owner, asked, truth)
            cells[words].append(f"{flange:.2f} / {thing:.2f}")
            print(f"{noise:g} px, {words}: {cells[words][-1]}", flush=True)
    heads = ["true places" if noise == 0 else f"{noise:g} px off" for noise in NOISES]
    return "\n".join(
        [
            f"{len(wanted)} frames fitted on, {len(truth)} tested on; flange / object, cm; code "
            f"`{in_short(code_version())}`, {processor()}, {date.today()}.",
            "",
            markdown.table(["read", *heads], [[words, *row] for words, row in cells.items()]),
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--fit", type=Path, required=True, help="folder of episodes to fit on")
    parser.add_argument("--test", type=Path, required=True, help="folder of held-out episodes")
    options = parser.parse_args()
    write_between(PAGE, BEGIN, END, table(options.fit, options.test))


if __name__ == "__main__":
    main()
