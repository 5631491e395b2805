"""Weights by name, file, folder and hub id, and from layout to layout; no test needs a network."""

from __future__ import annotations

import hashlib
import json
import pickle
import re
import shutil
import threading
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import VJEPA2Model

from armchair.cli.main import main
from armchair.errors import ArmchairError, BadFileError, BadValueError
from armchair.worldmodel import download, meta, sources
from armchair.worldmodel.encoder_files import encoder_hash, round_weights, save_encoder
from armchair.worldmodel.hub_folder import save_hub_encoder
from armchair.worldmodel.model import WorldModel
from armchair.worldmodel.official import OFFICIAL, OfficialWeights
from armchair.worldmodel.optimisation.appended import LOCK
from armchair.worldmodel.packed_tensors import write_packed
from tests.worldmodel.models import GOLDEN, GOLDEN_CONFIG

FRAMES = np.random.default_rng(0).integers(0, 256, (2, 40, 40, 3), dtype=np.uint8)
GOLDEN_AC = OfficialWeights(
    file="tiny64_ac.pt",
    hub=None,
    encoder=GOLDEN_CONFIG.encoder,
    predictor=GOLDEN_CONFIG.predictor,
)
GOLDEN_ENCODER = OfficialWeights(file="tiny64_pretrain.pt", hub=None, encoder=GOLDEN_CONFIG.encoder)


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Downloads go to a folder of the test; tiny architectures stand in the table."""
    monkeypatch.setenv(download.CACHE_VARIABLE, str(tmp_path / "cache"))
    table = {**OFFICIAL, "tiny-ac": GOLDEN_AC, "tiny": GOLDEN_ENCODER}
    monkeypatch.setattr(sources, "OFFICIAL", table)
    monkeypatch.setattr("armchair.worldmodel.official.META_URL", GOLDEN.as_uri())
    return tmp_path / "cache"


def test_the_released_models_are_known() -> None:
    sizes = {name: (o.encoder.width, o.encoder.image_size) for name, o in OFFICIAL.items()}
    assert sizes == {
        "vjepa2-vitl": (1024, 256),
        "vjepa2-vith": (1280, 256),
        "vjepa2-vitg": (1408, 256),
        "vjepa2-vitg-384": (1408, 384),
        "vjepa2-ac-vitg": (1408, 256),
    }
    assert OFFICIAL["vjepa2-vitg-384"].url.endswith("/vitg-384.pt")
    assert OFFICIAL["vjepa2-vitl"].hub == "facebook/vjepa2-vitl-fpc64-256"
    hashes = [official.sha256 for official in OFFICIAL.values() if official.sha256]
    assert len(set(hashes)) == 3
    assert all(re.fullmatch("[0-9a-f]{64}", known) for known in hashes)


def test_by_name_from_the_network_then_from_the_cache(
    golden_model: WorldModel, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = WorldModel.from_pretrained("tiny-ac")
    assert torch.equal(model.encode(FRAMES), golden_model.encode(FRAMES))
    note = json.loads((cache / "tiny64_ac.pt.json").read_text())
    assert note["bytes"] == (GOLDEN / "tiny64_ac.pt").stat().st_size
    monkeypatch.setattr(download.urllib.request, "urlopen", None)
    student = WorldModel.from_pretrained("tiny-ac", role="encoder")
    assert (student.encode(FRAMES) - model.encode(FRAMES)).abs().max() > 0.1
    (cache / "tiny64_ac.pt").write_bytes(b"cut")
    with pytest.raises(BadFileError, match=r"3 bytes, expected \d+"):
        WorldModel.from_pretrained("tiny-ac")
    for damaged in ("", "[]", "{}", '{"bytes": "x"}'):
        (cache / "tiny64_ac.pt.json").write_text(damaged)
        with pytest.raises(BadFileError, match=r"tiny64_ac\.pt\.json: not the note of a download"):
            WorldModel.from_pretrained("tiny-ac")


def test_size_and_hash_are_checked(cache: Path) -> None:
    url = (GOLDEN / "tiny64_ac.pt").as_uri()
    with pytest.raises(BadFileError, match=r"sha256 .* expected 0000"):
        download.fetch(url, sha256="0000")
    with pytest.raises(BadFileError, match=r"\d+ bytes are announced, expected 7\. Fetch it again"):
        download.fetch(url, size=7)
    assert [path.name for path in cache.iterdir()] == [LOCK]
    path = download.fetch(url)
    with pytest.raises(BadFileError, match=r"\d+ bytes, expected 7"):
        download.fetch(url, size=7)
    with pytest.raises(BadFileError, match=r"sha256 .* expected 0000\. Delete the file"):
        download.fetch(url, sha256="0000")
    assert download.fetch(url, size=path.stat().st_size) == path


def test_a_file_put_into_the_cache_by_hand_is_checked(cache: Path) -> None:
    source = GOLDEN / "tiny64_ac.pt"
    wanted = hashlib.sha256(source.read_bytes()).hexdigest()
    cache.mkdir(parents=True)
    placed, note = cache / source.name, cache / f"{source.name}.json"
    shutil.copy(GOLDEN / "tiny64_pretrain.pt", placed)
    with pytest.raises(BadFileError, match=rf"sha256 \w+, expected {wanted}"):
        download.fetch(source.as_uri(), sha256=wanted)
    assert not note.exists()
    shutil.copy(source, placed)
    assert download.fetch(source.as_uri(), sha256=wanted) == placed
    assert json.loads(note.read_text())["sha256"] == wanted


def test_one_download_for_all_who_ask_at_once(
    cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    url, opened, inside = (GOLDEN / "tiny64_ac.pt").as_uri(), [], threading.Event()
    urlopen = download.urllib.request.urlopen

    def slow(asked: str, timeout: float) -> Any:
        opened.append(asked)
        inside.set()
        time.sleep(0.5)
        return urlopen(asked, timeout=timeout)

    monkeypatch.setattr(download.urllib.request, "urlopen", slow)
    other = threading.Thread(target=download.fetch, args=(url,))
    other.start()
    assert inside.wait(30)
    path = download.fetch(url)
    other.join()
    assert opened == [url]
    assert path.read_bytes() == (GOLDEN / "tiny64_ac.pt").read_bytes()
    assert "waiting for another process that writes to" in capsys.readouterr().err


def test_no_network_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise download.urllib.error.URLError("Name or service not known")

    monkeypatch.setattr(download.urllib.request, "urlopen", fail)
    with pytest.raises(ArmchairError, match=r"vitl\.pt: not on this machine.*not known.*CACHE"):
        WorldModel.from_pretrained("vjepa2-vitl")


def test_hub_ids(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, sandbox: WorldModel) -> None:
    def snapshot(repository: str, allow_patterns: list[str]) -> str:
        if repository == "someone/away":
            raise OSError("no route to host")
        assert not any("py" in pattern for pattern in allow_patterns)
        return str(tmp_path / repository)

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot)
    sandbox.save_pretrained(tmp_path / "someone" / "model")
    model = WorldModel.from_pretrained("someone/model")
    assert torch.equal(model.encode(FRAMES), sandbox.encode(FRAMES))
    save_hub_encoder(tmp_path / "someone" / "encoder", sandbox.encoder)
    encoder = WorldModel.from_pretrained("someone/encoder")
    assert torch.equal(encoder.encoder(FRAMES), sandbox.encoder(FRAMES))
    with pytest.raises(ArmchairError, match=r"someone/away: no such folder here.*no route"):
        WorldModel.from_pretrained("someone/away")
    weights = tmp_path / "someone" / "encoder" / "model.safetensors"
    blob = tmp_path / hashlib.sha256(weights.read_bytes()).hexdigest()  # as the hub's client does
    weights.rename(blob)
    weights.symlink_to(blob)
    WorldModel.from_pretrained("someone/encoder")
    damaged = bytearray(blob.read_bytes())
    damaged[-1] ^= 1
    blob.write_bytes(damaged)
    with pytest.raises(BadFileError, match=rf"{blob.name}: sha256 \w+, expected the one that is"):
        WorldModel.from_pretrained("someone/encoder")


def test_an_encoder_alone_encodes_and_says_what_it_lacks(tmp_path: Path) -> None:
    model = WorldModel.from_pretrained("tiny").requires_grad_(False)
    assert model.encode(FRAMES).shape == (2, 16, 64)
    action = torch.zeros(1, 1, 7)
    for use in (
        lambda: model.rollout(model.encode(FRAMES[:1]), action[0], action[0, :0], action),
        lambda: model.predict(model.encode(FRAMES[:1])[None], action, action),
        lambda: model.save_pretrained(tmp_path),
    ):
        with pytest.raises(BadValueError, match=r"tiny is an encoder without .*armchair train"):
            use()


def test_files_are_recognised_by_their_shapes(tmp_path: Path) -> None:
    assert sources.recognise(GOLDEN / "tiny64_ac.pt") is GOLDEN_AC
    assert sources.recognise(GOLDEN / "tiny64_pretrain.pt") is GOLDEN_ENCODER
    with pytest.raises(BadFileError, match=r"width 40 and depth 2, with .*none of the released"):
        WorldModel.from_pretrained(str(GOLDEN / "small" / "long32.pt"))


def test_what_only_a_file_s_name_tells_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    small, large = (
        replace(GOLDEN_ENCODER, encoder=replace(GOLDEN_CONFIG.encoder, image_size=size))
        for size in (256, 384)
    )
    monkeypatch.setattr(sources, "OFFICIAL", {"small": small, "large": large})
    for name, wanted in (("vitg.pt", small), ("vitg-384.pt", large)):
        shutil.copy(GOLDEN / "tiny64_pretrain.pt", tmp_path / name)
        assert sources.recognise(tmp_path / name) is wanted
    said = capsys.readouterr().err
    assert "vitg.pt: taken for pictures of 256 pixels, as its name has no 384" in said
    assert "vitg-384.pt: taken for pictures of 384 pixels, as its name has a 384" in said


def test_a_file_with_the_student_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = torch.load(GOLDEN / "tiny64_ac.pt", weights_only=True)
    student = {name: content[name] for name in ("encoder", "predictor")}
    torch.save(student, tmp_path / "student.pt")
    command = ["convert", "--source", str(tmp_path / "student.pt"), "--out", str(tmp_path / "a")]
    assert main(command) == 2
    complaint = "no tensors under 'target_encoder'; it holds encoder, predictor. Take the student: "
    assert complaint + "`armchair convert --role encoder`" in capsys.readouterr().err
    assert main([*command, "--role", "encoder"]) == 0


@pytest.mark.parametrize("role", ["encoder", "target_encoder"])
def test_a_folder_has_no_roles(role: Any, tmp_path: Path, sandbox: WorldModel) -> None:
    sandbox.save_pretrained(tmp_path / "model")
    save_encoder(tmp_path / "encoder", sandbox.encoder)
    for name in ("model", "encoder"):
        for load in (sources.load_frame_encoder, sources.load_world_model):
            with pytest.raises(BadValueError, match=rf"{name}: --role {role} is for a \.pt file"):
                load(tmp_path / name, role)


def test_a_hostile_file_is_refused_and_not_run(tmp_path: Path) -> None:
    class Hostile:
        def __reduce__(self) -> Any:
            return Path.touch, (tmp_path / "owned",)

    path = tmp_path / "evil.pt"
    torch.save({"encoder": Hostile()}, path)
    with pytest.raises(
        BadFileError, match=r"evil\.pt: not a checkpoint of tensors .it asks to call getattr"
    ):
        WorldModel.from_pretrained(path)
    path.write_bytes(pickle.dumps(Hostile()))
    with pytest.raises(BadFileError, match=r"evil\.pt: not a checkpoint of tensors"):
        WorldModel.from_pretrained(path)
    assert not (tmp_path / "owned").exists()


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    whole = (GOLDEN / "tiny64_ac.pt").read_bytes()
    for kept in (0, 10, len(whole) // 2, len(whole) - 1):
        (tmp_path / "cut.pt").write_bytes(whole[:kept])
        with pytest.raises(BadFileError, match=r"cut\.pt: not a checkpoint .*damaged"):
            WorldModel.from_pretrained(tmp_path / "cut.pt")


def test_hashes_tell_encoders_apart(tmp_path: Path) -> None:
    encoder = meta.load_encoder(GOLDEN / "tiny64_pretrain.pt", GOLDEN_CONFIG.encoder)
    with torch.no_grad():
        encoder.backbone.layernorm.bias.add_(1e-4)  # bfloat16 does not hold it
    save_encoder(tmp_path, encoder)
    rounded = sources.load_frame_encoder(tmp_path)
    assert encoder_hash(rounded) != encoder_hash(encoder)
    assert encoder_hash(rounded.bfloat16()) == encoder_hash(rounded.float())


def test_meta_to_ours_and_back(golden_model: WorldModel, tmp_path: Path) -> None:
    """The key contract: names and shapes of Meta's file, all of them and no others."""
    source, ours, back = GOLDEN / "tiny64_ac.pt", tmp_path / "ours", tmp_path / "back.pt"
    assert main(["convert", "--source", str(source), "--out", str(ours)]) == 0
    assert main(["convert", "--source", str(ours), "--to", "meta", "--out", str(back)]) == 0
    first, last = meta.read_checkpoint(source), meta.read_checkpoint(back)
    for section in ("encoder", "target_encoder", "predictor"):
        shapes = [
            {k: v.shape for k, v in f[section].items() if "pos_embed" not in k}
            for f in (first, last)
        ]
        assert shapes[0] == shapes[1]
    for section in ("target_encoder", "predictor"):
        for name, value in first[section].items():
            if "extrinsics" not in name and "pos_embed" not in name:
                assert torch.equal(value, last[section][name]), name
    again = WorldModel.from_pretrained(back)
    assert torch.equal(again.encode(FRAMES), golden_model.encode(FRAMES))


def test_the_time_of_a_step_may_be_set(tmp_path: Path) -> None:
    command = ["convert", "--source", str(GOLDEN / "tiny64_ac.pt"), "--out", str(tmp_path / "a")]
    assert main([*command, "--seconds-per-step", "1.0"]) == 0
    assert WorldModel.from_pretrained(tmp_path / "a").seconds_per_step == 1.0
    assert main([*command, "--seconds-per-step", "0"]) == 2
    assert main([*command, "--seconds-per-step", "1", "--part", "encoder"]) == 2


def test_encoders_go_to_transformers_and_back(
    sandbox: WorldModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_encoder(tmp_path / "ours", sandbox.encoder, torch.float32)
    command = ["convert", "--source", str(tmp_path / "ours"), "--to", "huggingface"]
    assert main([*command, "--out", str(tmp_path / "hub")]) == 0
    video = torch.randn(1, 4, 3, 32, 32)
    hub = VJEPA2Model.from_pretrained(tmp_path / "hub").eval()
    with torch.no_grad():
        found = hub(video, skip_predictor=True).last_hidden_state
        wanted = sandbox.encoder.encode_video(video.transpose(1, 2))
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=0)
    command = ["convert", "--source", str(tmp_path / "hub"), "--out", str(tmp_path / "again")]
    assert main(command) == 0
    again = sources.load_frame_encoder(tmp_path / "again")
    assert torch.equal(again(FRAMES), sandbox.encoder(FRAMES))


def test_an_architecture_of_ones_own(tmp_path: Path, golden_model: WorldModel) -> None:
    golden_model.save_pretrained(tmp_path / "like")
    arguments = ["convert", "--source", str(GOLDEN / "tiny64_ac.pt"), "--out", str(tmp_path / "a")]
    assert main([*arguments, "--architecture", str(tmp_path / "like" / "config.json")]) == 0
    assert WorldModel.from_pretrained(tmp_path / "a").predictor.config.width == 128


@pytest.mark.parametrize("layout", ["ours", "hub", "model"])
def test_an_encoder_of_ones_own_size(
    layout: str, tmp_path: Path, golden_model: WorldModel, capsys: pytest.CaptureFixture[str]
) -> None:
    like = tmp_path / layout
    if layout == "ours":
        save_encoder(like, golden_model.encoder)
    elif layout == "hub":
        save_hub_encoder(like, golden_model.encoder)
    else:
        golden_model.save_pretrained(like)
    source = GOLDEN / "tiny64_pretrain.pt"
    arguments = ["convert", "--source", str(source), "--architecture", str(like / "config.json")]
    out = tmp_path / "encoder"
    assert main([*arguments, "--part", "encoder", "--out", str(out)]) == 0
    assert "pictures of 64 × 64" in capsys.readouterr().out
    wanted = meta.load_encoder(source, GOLDEN_CONFIG.encoder)
    assert torch.equal(sources.load_frame_encoder(out)(FRAMES), wanted(FRAMES))
    if layout == "model":
        assert main([*arguments, "--out", str(out)]) == 2
        assert "action_encoder.bias" in capsys.readouterr().err


def test_a_run_s_folder_for_its_model_s(tmp_path: Path, sandbox: WorldModel) -> None:
    sandbox.save_pretrained(tmp_path / "model")
    with pytest.raises(BadFileError, match=r"no such file. Did you mean .*model\?"):
        WorldModel.from_pretrained(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(BadFileError, match=r"config\.json: kind None"):
        WorldModel.from_pretrained(tmp_path)


def test_what_cannot_be_converted(
    sandbox: WorldModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sandbox.save_pretrained(tmp_path / "model")
    arguments = ["convert", "--source", str(tmp_path / "model"), "--to", "meta"]
    assert main([*arguments, "--out", str(tmp_path / "x.pt")]) == 2
    assert main([*arguments, "--out", str(tmp_path / "folder")]) == 2
    assert main([*arguments, "--out", str(tmp_path / "x.pt"), "--part", "encoder"]) == 0
    numbers = ["--part", "encoder", "--numbers", "bfloat16"]
    assert main([*arguments, "--out", str(tmp_path / "y.pt"), *numbers]) == 2
    assert "--numbers bfloat16 is for our own layout" in capsys.readouterr().err
    assert not (tmp_path / "y.pt").exists()
    assert not (tmp_path / "folder").exists()


def test_config_of_another_transformer(tmp_path: Path, sandbox: WorldModel) -> None:
    save_hub_encoder(tmp_path, sandbox.encoder)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"hidden_act": "silu"}))
    with pytest.raises(BadFileError, match=r"config\.json: not the config .*silu"):
        WorldModel.from_pretrained(tmp_path)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"mlp_ratio": "x"}, "mlp_ratio is x, expected more than 0"),
        ({"mlp_ratio": -1}, "mlp_ratio is -1, expected more than 0"),
        ({"patch_size": []}, "not the config"),
        ({"crop_size": [32.0, 32.0]}, "image_size"),
        ({"mlp_ratio": 1e15}, "no network of the size that it states can be made"),
    ],
)
def test_damaged_config_of_a_hub_folder(
    tmp_path: Path, sandbox: WorldModel, changes: dict[str, object], said: str
) -> None:
    save_hub_encoder(tmp_path, sandbox.encoder)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | changes))
    with pytest.raises(BadFileError, match=rf"config\.json: .*{said}"):
        WorldModel.from_pretrained(tmp_path)


def test_weights_in_parts(tmp_path: Path, sandbox: WorldModel) -> None:
    save_hub_encoder(tmp_path, sandbox.encoder)
    whole = load_file(tmp_path / "model.safetensors")
    (tmp_path / "model.safetensors").unlink()
    parts = {name: f"model-{number % 2}.safetensors" for number, name in enumerate(whole)}
    for part in set(parts.values()):
        save_file({n: whole[n] for n in parts if parts[n] == part}, tmp_path / part)
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": parts}))
    model = WorldModel.from_pretrained(tmp_path)
    assert torch.equal(model.encoder(FRAMES), sandbox.encoder(FRAMES))
    (tmp_path / "model-1.safetensors").unlink()
    with pytest.raises(BadFileError, match=r"model-1\.safetensors: there is no such file"):
        WorldModel.from_pretrained(tmp_path)


@pytest.mark.parametrize(
    "damaged",
    ["", "[]", "{}", '{"weight_map": []}', '{"weight_map": {"a": 3}}', '{"weight_map": {"a": []}}'],
)
def test_damaged_index_of_weights(tmp_path: Path, sandbox: WorldModel, damaged: str) -> None:
    save_hub_encoder(tmp_path, sandbox.encoder)
    (tmp_path / "model.safetensors.index.json").write_text(damaged)
    with pytest.raises(BadFileError, match=r"index\.json: not an index of weights"):
        WorldModel.from_pretrained(tmp_path)


@pytest.mark.parametrize(
    "damaged",
    ["", "[]", "{}", '{"encoder": 3}', '{"encoder": {"wdith": 24}}', '{"encoder": {"width": 25}}'],
)
def test_damaged_config_of_an_encoder(tmp_path: Path, sandbox: WorldModel, damaged: str) -> None:
    save_encoder(tmp_path, sandbox.encoder)
    (tmp_path / "config.json").write_text(damaged)
    with pytest.raises(BadFileError, match=r"config\.json: not an encoder's config"):
        sources.load_frame_encoder(tmp_path)


def test_odd_tensors_are_one_line(tmp_path: Path) -> None:
    content = torch.load(GOLDEN / "tiny64_ac.pt", weights_only=True)
    encoder = content["target_encoder"]
    name = next(n for n in encoder if n.endswith("blocks.0.attn.qkv.weight"))
    bias = next(n for n in encoder if n.endswith("patch_embed.proj.bias"))
    damages: list[dict[Any, Any]] = [
        {**encoder, 7: torch.zeros(1)},
        {**encoder, bias: torch.zeros(())},
        {**encoder, name: encoder[name][:2]},
        {**encoder, name: torch.zeros(())},
        {**encoder, "mask_tokens.x": torch.zeros(1)},
        {**encoder, bias: encoder[bias].to_sparse()},
        {**encoder, bias: encoder[bias].to("meta")},
    ]
    for number, damage in enumerate(damages):
        path = tmp_path / f"{number}.pt"
        torch.save({**content, "target_encoder": damage}, path)
        with pytest.raises(BadFileError, match=path.name):
            WorldModel.from_pretrained(path)
    odd = {
        "sparse_coo": encoder[name].to_sparse(),
        "meta": encoder[name].to("meta"),
        "int8": encoder[name].to(torch.int8),
        "complex64": encoder[name].to(torch.complex64),
        "nan": torch.full_like(encoder[name], torch.nan),
    }
    for kind, tensor in odd.items():
        path = tmp_path / f"{kind}.pt"
        torch.save({**content, "target_encoder": {**encoder, name: tensor}}, path)
        with pytest.raises(BadFileError, match=rf"{kind}\.pt .*\.0\.att.*{kind}"):
            meta.load_ac(path, GOLDEN_CONFIG)


@pytest.fixture
def relay(tmp_path: Path) -> Path:
    """Teacher and student of the tiny size, with weights of their own."""
    encoder = WorldModel.from_pretrained("tiny").encoder
    state = encoder.backbone.state_dict()
    tensors = {f"teacher.{name}": value for name, value in state.items()}
    tensors |= {f"student.{name}": 2 * value for name, value in state.items()}
    size = json.dumps(asdict(encoder.config))
    write_packed(tmp_path / "relay.safetensors", tensors, {"size": size})
    return tmp_path / "relay.safetensors"


def test_the_encoders_of_a_relay(relay: Path, tmp_path: Path) -> None:
    whole = WorldModel.from_pretrained("tiny").encoder
    round_weights(whole)
    teacher = sources.load_frame_encoder(relay)
    assert encoder_hash(teacher) == encoder_hash(whole)
    assert not any(p.requires_grad for p in teacher.parameters())
    student = sources.load_frame_encoder(str(relay), role="encoder")
    for name, value in student.backbone.state_dict().items():
        assert torch.equal(value, 2 * teacher.backbone.state_dict()[name])
    out = tmp_path / "encoder"
    assert main(["convert", "--source", str(relay), "--out", str(out)]) == 0
    assert encoder_hash(sources.load_frame_encoder(out)) == encoder_hash(teacher)


def test_files_that_are_no_relay(relay: Path, tmp_path: Path) -> None:
    plain, early, cut = (tmp_path / f"{name}.safetensors" for name in ("plain", "early", "cut"))
    save_file({"a": torch.zeros(1)}, plain)
    write_packed(early, {"teacher.a": torch.zeros(1)})
    cut.write_bytes(relay.read_bytes()[:-1])
    for path, line in (
        (plain, "a safetensors file of another kind"),
        (early, "it does not say its encoder's size"),
        (cut, "not a whole file of packed weights"),
    ):
        with pytest.raises(BadFileError, match=rf"{path.name}: .*{line}.*Give the relay"):
            WorldModel.from_pretrained(path)
