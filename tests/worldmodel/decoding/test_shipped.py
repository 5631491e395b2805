"""The decoder that ships with the model: it shows where the hand is, in scenes it never saw."""

from __future__ import annotations

import torch

from armchair.evaluation.episode import Scene
from armchair.evaluation.pairs import simulated_pair
from armchair.worldmodel.decoding.files import load_decoder
from armchair.worldmodel.decoding.learner import as_seen, psnr
from armchair.worldmodel.model import WorldModel
from armchair.worldmodel.sources import locate


def test_frames_come_back_through_their_tokens() -> None:
    model = WorldModel.from_pretrained("default")
    decoder = load_decoder(locate("default"), model.encoder)
    pair = simulated_pair(Scene(role="validation", seed=0, episode=7, level="light"))
    frames = torch.stack([torch.from_numpy(s.frame.copy()) for s in (pair.before, pair.after)])
    with torch.no_grad():
        tokens = model.tokens_of(model.encode(frames))
        shown = decoder(tokens).clamp(0, 1)
    wanted = as_seen(frames, model.encoder.config.side)
    for own, other in ((0, 1), (1, 0)):
        quality = psnr(shown[own], wanted[own])
        assert quality > 28
        assert quality > psnr(shown[own], wanted[other]) + 5, "the hand is where it was"
