"""The token cache: content, growth, refusal to mix encoders."""

from __future__ import annotations

import copy
import json
import os
import shutil
import threading
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from armchair.episode_names import TRAJECTORY
from armchair.errors import ArmchairError, BadFileError, BadValueError
from armchair.worldmodel.data.episodes import DroidEpisodes
from armchair.worldmodel.encoder import FrameEncoder
from armchair.worldmodel.statistics import layer_normalised
from armchair.worldmodel.training import token_cache
from armchair.worldmodel.training.cache_layout import MANIFEST, CacheConfig
from armchair.worldmodel.training.clips import ClipConfig, ClipSampler
from armchair.worldmodel.training.token_cache import STATES, TOKENS, TokenCache, update_cache
from armchair.worldmodel.training.units import measure_latents


def test_tokens_and_states_of_every_fourth_row(
    cache: TokenCache, episodes: Path, encoder: FrameEncoder
) -> None:
    handle = DroidEpisodes(episodes)[1]
    episode = cache.episodes[1]
    assert episode.count == 15
    rows = range(0, 60, 4)
    places = np.arange(episode.first, episode.first + 15)
    assert np.array_equal(cache.states[places], handle.states()[rows])
    expected = layer_normalised(encoder(handle.frames(rows)))
    torch.testing.assert_close(cache.read(places), expected, atol=0, rtol=2**-8)


def test_growth_keeps_what_is_there(episodes: Path, encoder: FrameEncoder, tmp_path: Path) -> None:
    handles = DroidEpisodes(episodes)
    config = CacheConfig(row_stride=8, crops=2)
    few = update_cache(tmp_path, handles[:1], encoder, config)
    before = few.read(np.arange(8))
    with (tmp_path / TOKENS).open("ab") as file:
        file.write(b"of a killed run")
    more = update_cache(tmp_path, handles[:2], encoder, config)
    assert len(more) == 16
    assert torch.equal(more.read(np.arange(8)), before)
    cropped = more.read(np.arange(8), crop=1)
    assert not torch.allclose(before, cropped, atol=1e-2)  # another crop, other tokens


def test_a_view_has_what_was_asked_for_in_that_order(
    cache: TokenCache, episodes: Path, encoder: FrameEncoder, tmp_path: Path
) -> None:
    handles = DroidEpisodes(episodes)
    update_cache(tmp_path, handles[2:], encoder, CacheConfig())
    asked = [handles[3], handles[0], handles[3]]  # one of them twice
    view = update_cache(tmp_path, asked, encoder, CacheConfig())
    assert [episode.path for episode in view.episodes] == [str(h.path) for h in asked[:2]]
    assert [(episode.first, episode.count) for episode in view.episodes] == [(0, 15), (15, 15)]
    there = np.concatenate([np.arange(45, 60), np.arange(15)])  # in a cache of all four
    assert np.array_equal(view.states, cache.states[there])
    assert torch.equal(view.read(np.arange(30)), cache.read(there))
    clips = ClipSampler(view, ClipConfig()).sample_frames(torch.Generator().manual_seed(0), 50)
    assert clips.max() < 30


def test_one_writer_at_a_time(episodes: Path, encoder: FrameEncoder, tmp_path: Path) -> None:
    """Each finds what the other wrote, and nothing is overwritten."""
    handles, said, inside = DroidEpisodes(episodes), [], threading.Event()

    def held(done: int, total: int) -> None:
        inside.set()
        deadline = time.monotonic() + 30
        while not said and time.monotonic() < deadline:
            time.sleep(0.01)

    def first() -> None:
        update_cache(tmp_path, handles[:2], encoder, CacheConfig(), held)

    other = threading.Thread(target=first)
    other.start()
    assert inside.wait(30)
    both = update_cache(tmp_path, handles, encoder, CacheConfig(), say=said.append)
    other.join()
    assert said == [f"waiting for another process that writes to {tmp_path}"]
    alone = update_cache(tmp_path / "alone", handles, encoder, CacheConfig())
    assert torch.equal(both.read(np.arange(60)), alone.read(np.arange(60)))


def test_tokens_of_two_encoders_do_not_mix(
    cache: TokenCache, episodes: Path, encoder: FrameEncoder
) -> None:
    other = FrameEncoder(encoder.config)
    with pytest.raises(BadFileError, match=r"another kind: encoder \w{12}, wanted \w{12}\. Delete"):
        update_cache(cache.folder, DroidEpisodes(episodes), other, CacheConfig())
    with pytest.raises(BadFileError, match="row stride 4, wanted 2"):
        update_cache(cache.folder, DroidEpisodes(episodes), encoder, CacheConfig(row_stride=2))
    with pytest.raises(BadFileError, match="crops of each frame 1, wanted 2"):
        update_cache(cache.folder, DroidEpisodes(episodes), encoder, CacheConfig(crops=2))


def test_tokens_that_are_no_numbers_are_refused(
    episodes: Path, encoder: FrameEncoder, tmp_path: Path
) -> None:
    damaged = copy.deepcopy(encoder)
    next(damaged.parameters()).data.fill_(torch.nan)
    handles = DroidEpisodes(episodes)
    with pytest.raises(BadValueError, match=rf"{handles[0].path}: the encoder \w+ makes tokens"):
        update_cache(tmp_path, handles, damaged, CacheConfig())
    assert len(update_cache(tmp_path, handles[:1], encoder, CacheConfig())) == 15


def test_an_episode_made_again_is_not_taken_for_the_old_one(
    episodes: Path, encoder: FrameEncoder, tmp_path: Path
) -> None:
    shutil.copytree(episodes, tmp_path / "raw")
    handles = DroidEpisodes(tmp_path / "raw")
    update_cache(tmp_path / "cache", handles[:2], encoder, CacheConfig())
    shutil.copy(handles[3].video_path, handles[0].video_path)
    with pytest.raises(BadFileError, match="are of another video"):
        update_cache(tmp_path / "cache", handles, encoder, CacheConfig())


def test_what_was_complete_before_a_damaged_episode_stays(
    episodes: Path, encoder: FrameEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(episodes, tmp_path / "raw")
    handles = DroidEpisodes(tmp_path / "raw")
    whole = handles[2].video_path.read_bytes()
    handles[2].video_path.write_bytes(whole[:200])
    with pytest.raises(ArmchairError):
        update_cache(tmp_path / "cache", handles, encoder, CacheConfig())
    handles[2].video_path.write_bytes(whole)
    encoded = []
    plain = token_cache.encode_frames
    monkeypatch.setattr(
        token_cache,
        "encode_frames",
        lambda *known: encoded.append(known[-1]) or plain(*known),
    )
    assert len(update_cache(tmp_path / "cache", handles, encoder, CacheConfig())) == 60
    assert encoded == [handle.path for handle in handles[2:]]


def test_a_cache_tells_its_videos_apart(
    cache: TokenCache, episodes: Path, encoder: FrameEncoder, tmp_path: Path
) -> None:
    shutil.copytree(episodes, tmp_path / "raw")
    handles = DroidEpisodes(tmp_path / "raw")
    again = update_cache(tmp_path / "again", handles, encoder, CacheConfig())
    assert again.videos() == cache.videos() != ""
    shutil.copy(handles[3].video_path, handles[0].video_path)
    other = update_cache(tmp_path / "other", handles, encoder, CacheConfig())
    assert other.identity() == cache.identity(), "its states are the same"
    assert other.videos() != cache.videos()


@pytest.mark.parametrize("place", [40, -40])
def test_another_video_of_the_same_length(
    place: int, episodes: Path, encoder: FrameEncoder, tmp_path: Path
) -> None:
    shutil.copytree(episodes, tmp_path / "raw")
    handles = DroidEpisodes(tmp_path / "raw")
    update_cache(tmp_path / "cache", handles[:2], encoder, CacheConfig())
    video = bytearray(handles[0].video_path.read_bytes())
    video[place] ^= 1
    handles[0].video_path.write_bytes(video)
    with pytest.raises(BadFileError, match="as long, with another content"):
        update_cache(tmp_path / "cache", handles[:2], encoder, CacheConfig())
    manifest = tmp_path / "cache" / MANIFEST
    content = json.loads(manifest.read_text())  # as version 2 wrote it
    content["layout"]["version"] = 2
    for episode in content["episodes"]:
        del episode["video_ends"]
    manifest.write_text(json.dumps(content))
    assert len(update_cache(tmp_path / "cache", handles, encoder, CacheConfig())) == 60


def test_tokens_and_states_are_on_disk_before_the_manifest_says_so(
    episodes: Path, encoder: FrameEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    fsync = os.fsync

    def note(number: int) -> None:
        synced.append(Path(os.readlink(f"/proc/self/fd/{number}")).name)
        fsync(number)

    monkeypatch.setattr(os, "fsync", note)
    update_cache(tmp_path, DroidEpisodes(episodes)[:1], encoder, CacheConfig())
    assert synced[:2] == [TOKENS, STATES]
    assert MANIFEST in synced[2]


def test_states_that_were_corrected_are_not_taken_for_the_old_ones(
    episodes: Path, encoder: FrameEncoder, tmp_path: Path
) -> None:
    shutil.copytree(episodes, tmp_path / "raw")
    handles = DroidEpisodes(tmp_path / "raw")
    update_cache(tmp_path / "cache", handles, encoder, CacheConfig())
    with h5py.File(handles[1].path / TRAJECTORY, "r+") as file:
        gripper = file["observation/robot_state/gripper_position"]
        gripper[...] = 1 - gripper[...]
    update_cache(tmp_path / "cache", handles[:1], encoder, CacheConfig())
    with pytest.raises(BadFileError, match=r"states of .* are not those that the episode has now"):
        update_cache(tmp_path / "cache", handles, encoder, CacheConfig())


def test_a_cache_of_float16_goes_on_as_such(
    episodes: Path, encoder: FrameEncoder, tmp_path: Path
) -> None:
    handles, finer = DroidEpisodes(episodes), CacheConfig(numbers="float16")
    update_cache(tmp_path, handles[:1], encoder, finer)
    content = json.loads((tmp_path / MANIFEST).read_text())  # as version 1 wrote it
    content["layout"] |= {"version": 1}
    for name in ("numbers", "crop_share"):
        del content["layout"][name]
    del content["episodes"][0]["video_bytes"], content["episodes"][0]["video_ends"]
    (tmp_path / MANIFEST).write_text(json.dumps(content))
    with pytest.raises(BadFileError, match=r"Go on with it by --tokens\.numbers float16"):
        update_cache(tmp_path, handles[:2], encoder, CacheConfig())
    cache = update_cache(tmp_path, handles[:2], encoder, finer)
    expected = layer_normalised(encoder(handles[0].frames(range(0, 60, 4))))
    torch.testing.assert_close(cache.read(np.arange(15)), expected, atol=0, rtol=2**-11)


def test_a_short_cache_is_refused(episodes: Path, encoder: FrameEncoder, tmp_path: Path) -> None:
    update_cache(tmp_path, DroidEpisodes(episodes)[:1], encoder, CacheConfig())
    whole = (tmp_path / TOKENS).read_bytes()
    (tmp_path / TOKENS).write_bytes(whole[:-2])
    with pytest.raises(BadFileError, match="shorter than its manifest"):
        TokenCache(tmp_path)
    with pytest.raises(BadFileError, match=r"shorter than its manifest says \(2880\)\. Delete"):
        update_cache(tmp_path, DroidEpisodes(episodes), encoder, CacheConfig())
    (tmp_path / TOKENS).write_bytes(whole + b"of a process that is still adding")
    assert len(TokenCache(tmp_path)) == 15

    def careless(done: int, total: int) -> None:
        with (tmp_path / TOKENS).open("ab") as file:
            file.write(b"..")

    with pytest.raises(BadFileError, match="longer than its manifest"):
        update_cache(tmp_path, DroidEpisodes(episodes), encoder, CacheConfig(), careless)


@pytest.mark.parametrize("damage", ["zeros", "ones", "an exponent"])
def test_numbers_that_are_no_tokens_are_refused(
    damage: str, episodes: Path, encoder: FrameEncoder, tmp_path: Path
) -> None:
    """Frame 3 of the second episode alone; all others are read as before."""
    handles = DroidEpisodes(episodes)[:2]
    cache = update_cache(tmp_path, handles, encoder, CacheConfig())
    sound, frame_bytes = cache.read(np.arange(30)), cache.layout.frame_bytes
    with (tmp_path / TOKENS).open("r+b") as file:
        file.seek(18 * frame_bytes + 101)
        last = file.read(1)[0]
        file.seek(18 * frame_bytes + 101)
        file.write({"zeros": bytes(91), "ones": b"\xff" * 91}.get(damage, bytes([last ^ 0x40])))
    cache = TokenCache(tmp_path)
    line = rf"tokens\.bin.*frame 3 of {handles[1].path} are damaged.*Delete {tmp_path}"
    with pytest.raises(BadFileError, match=line):
        cache.read(np.arange(30).reshape(3, 10))
    others = np.delete(np.arange(30), 18)
    assert torch.equal(cache.read(others), sound[others])


def test_too_many_crops(episodes: Path, encoder: FrameEncoder, tmp_path: Path) -> None:
    with pytest.raises(BadValueError, match="1 to 6"):
        update_cache(tmp_path, DroidEpisodes(episodes), encoder, CacheConfig(crops=7))


def test_units_of_change(cache: TokenCache) -> None:
    statistics = measure_latents(cache)
    first = cache.episodes[0]
    latents = statistics.to_latents(cache.read(np.arange(first.first, first.first + first.count)))
    change = (latents[2:] - latents[:-2]).square().mean().sqrt()
    assert 0.3 < change < 3.0
