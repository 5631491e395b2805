"""Other widths, depths, heads, grids and clip lengths of the reference; see tests/golden/small."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from armchair.errors import BadValueError
from armchair.worldmodel import meta
from armchair.worldmodel.encoder import EncoderConfig
from armchair.worldmodel.predictor import ACPredictor, PredictorConfig
from armchair.worldmodel.tensor_files import fill
from tests.worldmodel.models import GOLDEN

SMALL = GOLDEN / "small"
SIZES = sorted(path.stem for path in SMALL.glob("*.json"))


def architecture(size: dict[str, Any]) -> tuple[EncoderConfig, PredictorConfig]:
    rows, columns = (side // size["patch"] for side in size["image"])
    predictor = PredictorConfig(
        token_width=size["width"],
        grid=(rows, columns),
        width=size["ac_width"],
        depth=size["ac_depth"],
        heads=size["ac_heads"],
        max_frames=size["ac_frames"],
        use_extrinsics=size["extrinsics"],
    )
    encoder = EncoderConfig(
        image_size=tuple(size["image"]),
        patch_size=size["patch"],
        width=size["width"],
        depth=size["depth"],
        heads=size["heads"],
        mlp_ratio=size["mlp_ratio"],
    )
    return encoder, predictor


@pytest.fixture(params=SIZES)
def case(request: pytest.FixtureRequest) -> tuple[Path, dict[str, Any], dict[str, Tensor]]:
    name = request.param
    size = json.loads((SMALL / f"{name}.json").read_text())
    return SMALL / f"{name}.pt", size, load_file(SMALL / f"{name}.safetensors")


@torch.no_grad()
def test_a_size(case: tuple[Path, dict[str, Any], dict[str, Tensor]]) -> None:
    path, size, golden = case
    config, predictor_config = architecture(size)
    teacher = meta.load_encoder(path, config)
    tokens = teacher.encode_video(golden["in.video"])
    torch.testing.assert_close(tokens, golden["out.video_tokens"], atol=1e-4, rtol=0)
    student = meta.load_encoder(path, config, role="encoder")
    assert (student.encode_video(golden["in.video"]) - tokens).abs().max() > 0.1
    predictor = ACPredictor(predictor_config)
    tensors = meta.section(meta.read_checkpoint(path), "predictor", path)
    unused = () if predictor_config.use_extrinsics else ("extrinsics_encoder.",)
    kept = {k: v for k, v in tensors.items() if not k.startswith(unused or "nothing")}
    fill(predictor, kept, path, "")
    frames, tokens_per_frame = predictor_config.max_frames, predictor_config.tokens_per_frame
    out = predictor(
        golden["in.tokens"].unflatten(1, (frames, tokens_per_frame)),
        golden["in.states"],
        golden["in.actions"],
        golden["in.extrinsics"],
    )
    expected = golden["out.predicted"].view_as(out)
    torch.testing.assert_close(out, expected, atol=1e-4, rtol=0)


@torch.no_grad()
def test_some_tokens_of_a_wide_frame() -> None:
    size = json.loads((SMALL / "wide.json").read_text())
    encoder = meta.load_encoder(SMALL / "wide.pt", architecture(size)[0])
    video = load_file(SMALL / "wide.safetensors")["in.video"]
    everything = torch.arange(2 * encoder.config.tokens_per_frame).unsqueeze(0)
    torch.testing.assert_close(encoder.encode_kept(video, everything), encoder.encode_video(video))
    kept = encoder.encode_kept(video, everything[:, 3::4])
    assert kept.shape == (1, 7, 24)
    assert encoder(torch.zeros(2, 90, 160, 3, dtype=torch.uint8)).shape == (2, 15, 24)
    with pytest.raises(BadValueError, match="48 × 80: only encoding"):
        _ = encoder.config.side
