"""Our modules against the reference implementation's numbers; see tests/golden/README.md."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from armchair.worldmodel import attend, meta, poses
from armchair.worldmodel.losses import ac_losses
from armchair.worldmodel.model import WorldModel
from armchair.worldmodel.precision import FLOAT32_SWITCH
from tests.worldmodel.models import GOLDEN, GOLDEN_CONFIG

TOLERANCE = 1e-4
Golden = dict[str, Tensor]
MASK_MODEL = GOLDEN_CONFIG.encoder.to_transformers(
    pred_hidden_size=96,
    pred_num_hidden_layers=2,
    pred_num_attention_heads=3,
    pred_num_mask_tokens=2,
)


@pytest.fixture(autouse=True)
def in_float32(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv(FLOAT32_SWITCH, "1")
    with torch.no_grad():
        yield


def assert_close(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found, expected.reshape(found.shape), atol=TOLERANCE, rtol=0)


def stills(golden: Golden) -> Tensor:
    return golden["in.frames"].transpose(1, 2).flatten(0, 1)


def test_a_whole_video(golden: Golden) -> None:
    encoder = meta.load_encoder(GOLDEN / "tiny64_pretrain.pt", GOLDEN_CONFIG.encoder)
    assert_close(encoder.encode_video(golden["in.video"]), golden["out.video_tokens"])


def test_kept_tokens_only(golden: Golden) -> None:
    encoder = meta.load_encoder(GOLDEN / "tiny64_pretrain.pt", GOLDEN_CONFIG.encoder)
    kept = encoder.encode_kept(golden["in.video"], golden["in.ctx_idx"])
    assert_close(kept, golden["out.ctx_tokens"])
    whole = encoder.encode_video(golden["in.video"])[0, golden["in.ctx_idx"][0]]
    assert (whole - kept).abs().max() > 0.1  # selecting afterwards is something else


def test_mask_predictor(golden: Golden) -> None:
    model = meta.load_pretraining(GOLDEN / "tiny64_pretrain.pt", MASK_MODEL)
    context, target = golden["in.ctx_idx"], golden["in.tgt_idx"]
    in_place = torch.zeros_like(golden["out.video_tokens"])
    in_place[0, context[0]] = golden["out.ctx_tokens"][0]
    out = model.predictor(in_place, [context], [target]).last_hidden_state
    assert_close(out, golden["out.mask_pred"])


def test_frames_encoded_alone(golden: Golden, golden_model: WorldModel) -> None:
    raw = golden_model.encoder.encode_stills(stills(golden))
    assert_close(raw, golden["out.frame_tokens_raw"])
    assert_close(golden_model.latents_of(raw), golden["out.frame_tokens_ln"])


def test_the_student_is_another_encoder(golden: Golden, golden_model: WorldModel) -> None:
    path = GOLDEN / "tiny64_ac.pt"
    student = meta.load_ac(path, GOLDEN_CONFIG, role="encoder").encoder
    difference = student.encode_stills(stills(golden)) - golden_model.encoder.encode_stills(
        stills(golden)
    )
    assert difference.abs().max() > 0.1


def test_teacher_forcing(golden: Golden, golden_model: WorldModel) -> None:
    inputs = golden["out.frame_tokens_ln"][:, :-1], golden["in.states"][:, :-1]
    raw = golden_model.predictor(*inputs, golden["in.actions"])
    assert_close(raw, golden["out.teacher_forced_raw"])
    predicted = golden_model.predict(*inputs, golden["in.actions"])
    assert_close(predicted, golden["out.teacher_forced_ln"])


def test_losses(golden: Golden, golden_model: WorldModel) -> None:
    latents = golden["out.frame_tokens_ln"]
    losses = ac_losses(golden_model, latents, golden["in.states"], golden["in.actions"])
    assert_close(losses.teacher_forcing, golden["out.loss_tf"])
    assert_close(losses.rollout, golden["out.loss_rollout2"])
    assert_close(losses.total, golden["out.loss_tf"] + golden["out.loss_rollout2"])


def test_rollout_and_energy(golden: Golden, golden_model: WorldModel) -> None:
    latents, states = golden["out.frame_tokens_ln"][0, :1], golden["in.states"][0, :1]
    candidates = golden["in.candidates"]
    imagined = golden_model.rollout(latents, states, candidates[0, :0], candidates)
    assert_close(imagined[:, -1], golden["out.rollout_final"])
    energies = (imagined[:, -1] - golden["in.goal_tokens"]).abs().mean((1, 2))
    assert_close(energies, golden["out.energies"])


def assert_same_poses(found: Tensor, expected: Tensor) -> None:
    found, expected = found.flatten(0, -2), expected.flatten(0, -2)
    assert_close(found[:, [0, 1, 2, 6]], expected[:, [0, 1, 2, 6]])
    rotations = (poses.euler_to_matrix(p[:, 3:6].double()) for p in (found, expected))
    assert_close(*rotations)


def test_imagined_states(golden: Golden) -> None:
    states = [golden["in.states"][0, 0].expand(5, -1)]
    for actions in golden["in.candidates"].unbind(1):
        states.append(poses.compose(states[-1], actions))
    assert_same_poses(torch.stack(states, 1), golden["out.rollout_states"])


def test_pose_algebra(golden: Golden) -> None:
    start = golden["in.pose"]
    assert_same_poses(poses.compose(start, golden["in.pose_delta"]), golden["out.pose_next"])
    assert_same_poses(poses.difference(start, golden["out.pose_next"]), golden["out.pose_diff"])


def test_the_fused_kernel_gives_the_same(
    golden: Golden, golden_model: WorldModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attend, "LONGEST_WRITTEN_OUT", 0)
    inputs = golden["out.frame_tokens_ln"][:, :-1], golden["in.states"][:, :-1]
    predicted = golden_model.predict(*inputs, golden["in.actions"])
    assert_close(predicted, golden["out.teacher_forced_ln"])
    normalised = F.layer_norm(golden_model.encoder.encode_stills(stills(golden)), (64,))
    assert_close(normalised, golden["out.frame_tokens_ln"])
