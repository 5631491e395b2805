"""Student, teacher and mask predictor against `transformers` and the reference implementation."""

from __future__ import annotations

import re

import pytest
import torch
from torch import Tensor

from armchair.recipes import paper, sandbox
from armchair.worldmodel import meta
from armchair.worldmodel.encoder import EncoderConfig, FrameEncoder
from armchair.worldmodel.pretraining.masks import Mask
from armchair.worldmodel.pretraining.network import (
    MaskDenoiser,
    MaskPredictorConfig,
    cut_patches,
    encode_patches,
)
from tests.worldmodel.models import GOLDEN, GOLDEN_CONFIG

ENCODER = EncoderConfig(image_size=32, patch_size=8, width=24, depth=2, heads=2)
PREDICTOR = MaskPredictorConfig(width=16, depth=1, heads=2)


@pytest.fixture
def network() -> MaskDenoiser:
    torch.manual_seed(0)
    return MaskDenoiser(ENCODER, PREDICTOR, 2)


def test_same_numbers_as_transformers(network: MaskDenoiser) -> None:
    video = torch.randn(2, 3, 4, 32, 32)
    encoder = FrameEncoder(ENCODER)
    encoder.backbone.load_state_dict(network.teacher.state_dict())
    patches = cut_patches(video, 8, 2)
    tables = network.tables(2)[0]
    with torch.no_grad():
        whole = encode_patches(network.teacher, patches, tables)
        torch.testing.assert_close(whole, encoder.encode_video(video), atol=1e-5, rtol=0)
        kept = torch.tensor([[0, 3, 17, 30], [1, 2, 16, 31]])
        rows = torch.arange(2).unsqueeze(1)
        some = encode_patches(network.teacher, patches[rows, kept], tables.at(kept))
        torch.testing.assert_close(some, encoder.encode_kept(video, kept), atol=1e-5, rtol=0)


def test_patches_of_one_frame_are_those_of_a_still(network: MaskDenoiser) -> None:
    frame = torch.randn(2, 3, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    tables = network.tables(1)[0]
    still = cut_patches(frame.expand(-1, -1, 2, -1, -1), 8, 2)
    with torch.no_grad():
        tokens = encode_patches(network.teacher, cut_patches(frame, 8, 1), tables)
        torch.testing.assert_close(tokens, encode_patches(network.teacher, still, tables))


def test_deeper_layers_begin_with_smaller_outputs(network: MaskDenoiser) -> None:
    torch.manual_seed(0)
    rescaled = MaskDenoiser(ENCODER, PREDICTOR, 2, rescaled_blocks=True)
    plain = network.state_dict()
    for name, value in rescaled.state_dict().items():
        place = re.search(r"layer\.(\d+)\.(attention\.proj|mlp\.fc2)\.weight", name)
        divisor = (2 * (int(place[1]) + 1)) ** 0.5 if place else 1.0
        torch.testing.assert_close(value, plain[name] / divisor, msg=name)
    assert paper.pretrain().rescaled_blocks
    assert paper.cooldown().rescaled_blocks
    assert not sandbox.pretrain().rescaled_blocks, "the shipped model was trained without"


def test_golden_numbers(golden: dict[str, Tensor]) -> None:
    config = MaskPredictorConfig(width=96, depth=2, heads=3)
    network = MaskDenoiser(GOLDEN_CONFIG.encoder, config, 2)
    loaded = meta.load_pretraining(
        GOLDEN / "tiny64_pretrain.pt",
        GOLDEN_CONFIG.encoder.to_transformers(
            pred_hidden_size=96,
            pred_num_hidden_layers=2,
            pred_num_attention_heads=3,
            pred_num_mask_tokens=2,
        ),
    )
    network.student.load_state_dict(loaded.encoder.state_dict())
    network.predictor.load_state_dict(loaded.predictor.state_dict())
    mask = Mask(kept=golden["in.ctx_idx"], hidden=golden["in.tgt_idx"])
    patches = cut_patches(golden["in.video"], 16, 2)
    expected = golden["out.mask_pred"]
    with torch.no_grad():
        found = [network.predict(patches, mask, kind, network.tables(4)) for kind in (0, 1)]
    distances = [float((each - expected).abs().max()) for each in found]
    assert min(distances) < 1e-4  # the reference took one of the two tokens
    assert max(distances) > 1e-4


@pytest.mark.parametrize("kind", [0, 1])
def test_each_kind_of_mask_trains_its_own_token(network: MaskDenoiser, kind: int) -> None:
    patches = cut_patches(torch.randn(1, 3, 2, 32, 32), 8, 2)
    mask = Mask(kept=torch.tensor([[0, 5]]), hidden=torch.tensor([[2, 3, 9]]))
    network.predict(patches, mask, kind, network.tables(1)).square().sum().backward()
    gradient = network.predictor.embeddings.mask_tokens.grad.flatten(1).abs().sum(1)
    assert gradient[kind] > 0
    assert gradient[1 - kind] == 0


def test_the_student_sees_kept_patches_only(network: MaskDenoiser) -> None:
    patches = cut_patches(torch.randn(1, 3, 2, 32, 32), 8, 2)
    mask = Mask(kept=torch.tensor([[0, 5]]), hidden=torch.tensor([[2, 3]]))
    before = network.predict(patches, mask, 0, network.tables(1))
    patches[:, 1:5], patches[:, 6:] = 7.0, -7.0
    assert torch.equal(before, network.predict(patches, mask, 0, network.tables(1)))


def test_the_teacher_follows_the_student(network: MaskDenoiser) -> None:
    teacher, student = next(network.teacher.parameters()), next(network.student.parameters())
    start = teacher.clone()
    student.data.add_(1.0)
    network.update_teacher(0.75)
    torch.testing.assert_close(teacher.data, start + 0.25)
    assert not teacher.requires_grad


@torch.no_grad()
def test_the_teacher_teaches_and_not_the_student(network: MaskDenoiser) -> None:
    patches, tables = cut_patches(torch.randn(2, 3, 2, 32, 32), 8, 2), network.tables(1)[0]
    before = network.teach(patches, tables)
    for parameter in network.student.parameters():
        parameter.add_(torch.randn_like(parameter))
    assert torch.equal(network.teach(patches, tables), before)
    for parameter in network.teacher.parameters():
        parameter.add_(torch.randn_like(parameter))
    after = network.teach(patches, tables)
    assert (after - before).abs().mean() > 0.1
    torch.testing.assert_close(after.mean(2), torch.zeros(2, 16), atol=1e-5, rtol=0)
    torch.testing.assert_close(after.std(2, correction=0), torch.ones(2, 16), atol=1e-3, rtol=0)
