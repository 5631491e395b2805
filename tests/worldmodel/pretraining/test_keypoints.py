"""Keypoints: the place of what is seen, wherever it is, and what tokens hear and say of it."""

from __future__ import annotations

import pytest
import torch

from armchair.errors import BadValueError
from armchair.worldmodel.encoder import EncoderConfig
from armchair.worldmodel.pretraining.change import ChangeConfig, ChangeDecoder
from armchair.worldmodel.pretraining.keypoints import SPREAD, Keypoints

GRID = (4, 5)


def finder() -> Keypoints:
    """Return one keypoint: a token's channel 0 says that it is the place, 1 and 2 how far off."""
    keypoints = Keypoints(1, 3, GRID)
    with torch.no_grad():
        keypoints.find.weight.copy_(torch.eye(3))
        keypoints.find.bias.zero_()
    return keypoints


def test_the_place_of_the_token_that_says_so() -> None:
    tokens = torch.zeros(2, 20, 3)
    tokens[0, 7, 0] = tokens[1, 19, 0] = 50.0
    tokens[1, 19, 1:] = torch.tensor([-50.0, 0.5])
    keypoints = finder()
    column = 2 + float(torch.tensor(0.5).tanh())
    expected = torch.tensor([[[-0.5, 0.0]], [[1.5 - 1, column]]])  # from the middle of 4 × 5
    torch.testing.assert_close(keypoints.place(keypoints(tokens)), expected)


def test_it_moves_as_the_tokens_do() -> None:
    tokens = torch.randn(3, 20, 3).view(3, *GRID, 3)
    tokens[:, 0], tokens[:, :, 0] = -40.0, -40.0  # nothing there
    shifted = tokens.roll((-1, -1), dims=(1, 2))
    found = finder()
    before, after = (found.place(found(t.flatten(1, 2))) for t in (tokens, shifted))
    torch.testing.assert_close(before - after, torch.ones(3, 1, 2), atol=1e-4, rtol=0)


def test_tokens_hear_of_what_is_near() -> None:
    keypoints = Keypoints(2, 3, GRID)
    heard = keypoints.nearness(torch.tensor([[[-0.5, 0.0], [1.5, 2.25]]]))
    assert heard.shape == (1, 20, 6)
    near, away = heard.view(1, 20, 2, 3).split([1, 2], dim=3)
    near = near[..., 0]
    assert near[0, 7, 0] == 1.0 == near[..., 0].max()
    assert near[0, 19, 1] == pytest.approx(float(torch.tensor(-(0.25**2) / 2 / SPREAD**2).exp()))
    torch.testing.assert_close(away[0, 19, 1], torch.tensor([0.0, 0.25]) * near[0, 19, 1])


def test_a_linear_map_learns_to_say_the_same() -> None:
    torch.manual_seed(0)
    keypoints, tokens = Keypoints(1, 3, GRID), torch.zeros(64, 20, 3)
    tokens[torch.arange(64), torch.randint(20, (64,)), 0] = 1.0  # one token has it
    with torch.no_grad():
        keypoints.find.weight.zero_()
        keypoints.find.weight[0, 0] = 50.0
    optimiser = torch.optim.Adam(keypoints.line.parameters(), lr=0.03)
    gaps = []
    for _ in range(200):
        optimiser.zero_grad()
        gap = keypoints.gap(tokens, keypoints(tokens))
        gap.backward()
        optimiser.step()
        gaps.append(float(gap.detach()))
    assert gaps[0] > 1.0 > 0.3 > gaps[-1]
    assert keypoints.find.weight.grad is None, "what is found does not adapt"


@pytest.mark.parametrize("linear", [0.0, 1.0])
def test_a_change_is_painted_from_both_frames_keypoints(linear: float) -> None:
    encoder = EncoderConfig(image_size=32, patch_size=8, width=24, depth=1, heads=2)
    sizes = {"pairs": 4, "code": 2, "keypoints": 3, "width": 16, "depth": 1, "heads": 2}
    decoder = ChangeDecoder(ChangeConfig(**sizes, linear=linear), encoder)
    torch.nn.init.normal_(decoder.paint.weight)
    frames = [torch.randn(2, 16, 24, requires_grad=True) for _ in range(2)]
    painted, gap = decoder(*frames)
    (painted.square().sum() + gap).backward()
    for name, weight in decoder.named_parameters():
        used = linear > 0 or "line" not in name
        assert (weight.grad is not None and float(weight.grad.abs().max()) > 0) == used, name
    assert (gap > 0) == (linear > 0)
    assert "keypoints.places" not in decoder.state_dict()


def test_numbers_of_keypoints() -> None:
    with pytest.raises(BadValueError, match="keypoints -1"):
        ChangeConfig(keypoints=-1)
    with pytest.raises(BadValueError, match="keypoints is 0"):
        ChangeConfig(linear=0.5)
