"""Probes find what is in the tokens, and not what is not; on episodes that they never saw."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from armchair.cli.main import main
from armchair.episode_names import FINGER_CONTACTS, HELD, OBJECT_POSE, SIMULATION
from armchair.errors import BadFileError, BadValueError
from armchair.evaluation import probe_fits
from armchair.evaluation.probe_labels import TARGETS, read_labels
from armchair.evaluation.probes import ProbeData, ProbeScore, gather, score
from armchair.poses import euler_to_matrix
from armchair.sim.droid_writer import write_episode
from armchair.worldmodel.data.episodes import DroidEpisodes
from tests.factories import make_episode
from tests.worldmodel.models import tiny_sandbox

EPISODES, EACH = 24, 20


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe_fits, "ATTENTIVE_STEPS", (0, 120))


@pytest.fixture(scope="module")
def world() -> ProbeData:
    """Tokens that hold the flange's place and whether something is held, and nothing else."""
    random = np.random.default_rng(0)
    count = EPISODES * EACH
    flange, held = random.uniform(0.2, 0.6, (count, 3)), random.random((count, 1)) > 0.6
    seen = np.concatenate([flange, held], axis=1)
    tokens = np.einsum("fk,nkd->fnd", seen, random.normal(size=(4, 4, 12)))
    tokens += 0.01 * random.normal(size=tokens.shape)
    labels = {
        "flange position": flange,
        "held": held.astype(float),
        "object position": random.uniform(0, 0.3, (count, 3)),
        "contact": np.ones((count, 1)),
    }
    episode = np.repeat(np.arange(EPISODES), EACH)
    return ProbeData(torch.from_numpy(tokens).float(), episode, labels, episode % 4 == 3, (2, 2))


def probe_one(data: ProbeData, name: str) -> ProbeScore:
    scores, missing = score(data, 0, [name])
    assert not missing
    return scores[name]


def test_what_is_there_is_found(world: ProbeData, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe_fits, "ATTENTIVE_STEPS", (400, 400))
    flange = probe_one(world, "flange position")
    assert flange.mean > 15
    assert flange.ridge < 1.0
    assert flange.attentive is not None
    assert flange.attentive < 0.4 * flange.mean
    assert (flange.train_frames, flange.test_frames) == (360, 120)
    held = probe_one(world, "held")
    assert held.ridge < 0.05
    assert 0.3 < held.mean < 0.5


def test_the_attentive_probe_can_be_left_out(world: ProbeData) -> None:
    whole, _ = score(world, 0, ["flange position", "held"])
    some, _ = score(world, 0, ["flange position", "held"], with_attentive=False)
    assert {name: replace(one, attentive=None) for name, one in whole.items()} == some != whole


def test_what_is_not_there_is_not_found(world: ProbeData) -> None:
    thing = probe_one(world, "object position")
    assert thing.ridge > 0.9 * thing.mean
    assert score(world, 0, ["contact"]) == ({}, {"contact": "it is the same in every frame"})


def test_few_features_or_few_frames_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    x, to = (torch.from_numpy(random.normal(size=(count, 30))).float() for count in (200, 9))
    wanted = x[:, :2].double().numpy() + random.normal(size=(200, 2))
    centre = x.mean(0)
    monkeypatch.setattr(probe_fits, "AT_ONCE", 64)
    dual, primal = (
        solve(x, wanted, to, [1e-3, 1.0], centre)
        for solve in (probe_fits._dual, probe_fits._primal)
    )
    for one, other in zip(dual, primal, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)
    tokens, chosen = x.view(200, 5, 6), np.arange(200) % 5 == 0
    found = probe_fits.ridge(tokens, {"a": wanted}, chosen, tokens)["a"]
    few = probe_fits.ridge(tokens[:20], {"a": wanted[:20]}, chosen[:20], tokens)["a"]
    assert np.square(found - wanted).mean() < 1.2 < np.square(few - wanted).mean()


def test_targets_share_the_work_and_have_penalties_of_their_own() -> None:
    random = np.random.default_rng(0)
    tokens, chosen = torch.from_numpy(random.normal(size=(60, 5, 6))).float(), np.arange(60) % 5 < 2
    told = tokens[:, 0, :2].double().numpy()
    wanted = {"told": told, "noise": random.normal(size=(60, 1))}
    both = probe_fits.ridge(tokens, wanted, chosen, tokens)
    for name, values in wanted.items():
        alone = probe_fits.ridge(tokens, {name: values}, chosen, tokens)[name]
        np.testing.assert_allclose(both[name], alone, atol=1e-6)
    assert np.abs(both["told"] - told).mean() < 0.03
    assert both["noise"].std() < 0.5 * wanted["noise"].std()  # a strong penalty, and another one


def test_a_penalty_that_float32_cannot_bear_is_not_taken() -> None:
    random = np.random.default_rng(0)
    once = random.normal(size=(20_000, 3))
    tokens = torch.from_numpy(once @ random.uniform(1, 2, (3, 12))).float().view(-1, 3, 4)
    guess = probe_fits.ridge(tokens, {"a": once}, np.arange(20_000) % 5 == 0, tokens)["a"]
    assert np.abs(guess - once).max() < 0.1


def test_errors_are_in_their_units() -> None:
    one = np.array([[0.1, 0.2, 0.3]])
    moved = one + np.array([0.03, 0, 0.04])
    assert TARGETS["flange position"].error(one, moved) == pytest.approx([5.0])
    turned = euler_to_matrix(np.array([[0.0, 0.0, np.pi / 6], [0.1, 0.2, 0.3]]))
    six = np.concatenate([turned[:, :, 0], turned[:, :, 1]], axis=1)
    straight = np.tile([1.0, 0, 0, 0, 1, 0], (2, 1))
    assert TARGETS["flange rotation"].error(2 * six, straight)[0] == pytest.approx(30.0)
    wrong = TARGETS["held"].error(np.array([[0.4], [0.6]]), np.array([[1.0], [1.0]]))
    assert wrong.tolist() == [1.0, 0.0]


@pytest.fixture(scope="module")
def episodes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("episodes")
    for index in range(8):
        rows = 40
        simulation = {
            OBJECT_POSE: np.ones((rows, 7)),
            FINGER_CONTACTS: np.arange(rows)[:, None] > [10, 20],
            HELD: np.arange(rows) > 20,
            "seed": 1,
        }
        write_episode(root, make_episode(index, rows=rows, simulation=simulation))
    return root


def test_labels_of_an_episode(episodes: Path) -> None:
    labels = read_labels(DroidEpisodes(episodes)[0])
    assert {name: values.shape[1] for name, values in labels.items()} == {
        name: TARGETS[name].width for name in labels
    }
    assert labels["held"].sum() == 19
    assert labels["contact"].sum() == 29
    data = gather(tiny_sandbox().encoder, DroidEpisodes(episodes), stride=10)
    assert data.tokens.shape == (32, 4, 24)
    assert np.isfinite(data.labels["held"]).all()


def test_inspect_prints_and_writes(
    episodes: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(probe_fits, "ATTENTIVE_STEPS", (5, 5))
    tiny_sandbox().save_pretrained(tmp_path / "model")
    more = ["--model", str(tmp_path / "model"), "--probes", str(tmp_path / "probes.json")]
    assert main(["inspect", str(episodes), *more]) == 0
    assert "held-out episodes" in " ".join(capsys.readouterr().out.split())  # lines wrap
    found = json.loads((tmp_path / "probes.json").read_text())
    labelled = {"flange position", "flange rotation", "gripper", "contact", "held"}
    assert set(found["probes"]) == labelled
    assert found["not_probed"] == {"object position": "it is the same in every frame"}
    flange = found["probes"]["flange position"]
    assert (flange["unit"], flange["train_frames"], flange["test_frames"]) == ("cm", 30, 10)
    assert main(["inspect", str(episodes), *more, "--fit", str(episodes)]) == 2
    assert "in --fit and in the folder to test on (8 in all" in capsys.readouterr().err
    others = [str(shutil.copytree(episodes, tmp_path / name)) for name in ("one", "other")]
    assert main(["inspect", str(episodes), *more, "--fit", *others]) == 0
    flange = json.loads((tmp_path / "probes.json").read_text())["probes"]["flange position"]
    assert (flange["train_frames"], flange["test_frames"]) == (80, 40)
    attentive, ridge = flange["attentive"], flange["ridge"]
    assert main(["inspect", str(episodes), *more, "--fit", *others, "--no-attentive"]) == 0
    flange = json.loads((tmp_path / "probes.json").read_text())["probes"]["flange position"]
    assert flange["ridge"] == ridge
    assert attentive is not None
    assert flange["attentive"] is None


def test_too_few_episodes(episodes: Path) -> None:
    with pytest.raises(BadValueError, match=r"7 episodes, from .* on, are too few"):
        gather(tiny_sandbox().encoder, DroidEpisodes(episodes)[:7], stride=8)


def test_places_in_a_grid_that_is_not_square() -> None:
    tokens = torch.zeros(1, 6, 3)
    placed = probe_fits._placed(tokens, (2, 3))
    rows, columns = placed[0, :, 3], placed[0, :, 4]
    assert rows.tolist() == [-1, -1, -1, 1, 1, 1]
    assert columns.tolist() == [-1, 0, 1, -1, 0, 1]


def test_a_damaged_sidecar_is_named(episodes: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(episodes, tmp_path / "copy")
    handle = DroidEpisodes(folder)[0]
    (handle.path / SIMULATION).write_bytes(b"cut")
    with pytest.raises(BadFileError, match=r"simulation\.h5: not a whole HDF5 file of 3 bytes"):
        read_labels(handle)
