"""Make tests/golden/small: what the reference implementation computes in small, unusual sizes.

    git clone https://github.com/facebookresearch/vjepa2 REFERENCE
    python scripts/make_golden.py REFERENCE tests/golden/small

Weights are random, rounded to bfloat16 and stored so; arithmetic is float32 on a CPU. Every size
becomes three files: `<name>.json` (architecture), `<name>.pt` (shaped like Meta's checkpoints, with
`encoder` unlike `target_encoder`; outputs are those of `target_encoder`) and `<name>.safetensors`
(inputs `in.*`, outputs `out.*`).
"""

from __future__ import annotations

import json
import sys
import types
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

SIZES: dict[str, dict[str, Any]] = {
    # Heads of 24 and 30 channels, a grid of 3 x 3, five frames, extrinsics tokens.
    "extrinsics48": {
        "image": (48, 48), "patch": 16, "width": 48, "depth": 3, "heads": 2, "mlp_ratio": 4.0,
        "video_frames": 4, "ac_width": 60, "ac_depth": 2, "ac_heads": 2, "ac_frames": 5,
        "extrinsics": True,
    },
    # One head of 40 channels, ViT-g's MLP ratio, patches of 8, a clip of twelve frames.
    "long32": {
        "image": (32, 32), "patch": 8, "width": 40, "depth": 2, "heads": 1, "mlp_ratio": 48 / 11,
        "video_frames": 12, "ac_width": 64, "ac_depth": 3, "ac_heads": 4, "ac_frames": 8,
        "extrinsics": False,
    },
    # A frame wider than high.
    "wide": {
        "image": (48, 80), "patch": 16, "width": 24, "depth": 1, "heads": 1, "mlp_ratio": 4.0,
        "video_frames": 4, "ac_width": 48, "ac_depth": 2, "ac_heads": 1, "ac_frames": 3,
        "extrinsics": False,
    },
}  # fmt: skip


def stand_in(module: str, name: str) -> None:
    """Offer `name` of a package that the reference imports and, in these sizes, never calls."""
    parts = module.split(".")
    for end in range(1, len(parts) + 1):
        sys.modules.setdefault(".".join(parts[:end]), types.ModuleType(".".join(parts[:end])))
    setattr(sys.modules[module], name, None)


def drawn(module: nn.Module, generator: torch.Generator) -> nn.Module:
    """Return the module with weights large enough that everything it reads matters."""
    for name, weight in module.named_parameters():
        values = torch.randn(weight.shape, generator=generator)
        scale = 0.3 if weight.ndim == 1 else 1.5 * weight[0].numel() ** -0.5
        centre = 1.0 if "norm" in name and name.endswith("weight") else 0.0
        weight.data = (centre + scale * values).bfloat16().float()
    return module.eval().requires_grad_(False)


def make(size: dict[str, Any], generator: torch.Generator) -> tuple[dict[str, Any], Any]:
    """Return the checkpoint and the inputs and outputs of one size."""
    from src.models.ac_predictor import vit_ac_predictor
    from src.models.vision_transformer import VisionTransformer

    rows, columns = (side // size["patch"] for side in size["image"])
    tensors: dict[str, Tensor] = {}
    checkpoint: dict[str, Any] = {"epoch": 1}
    for role in ("encoder", "target_encoder"):
        encoder: Any = VisionTransformer(
            img_size=size["image"], patch_size=size["patch"], num_frames=64, tubelet_size=2,
            embed_dim=size["width"], depth=size["depth"], num_heads=size["heads"],
            mlp_ratio=size["mlp_ratio"], use_rope=True,
            norm_layer=partial(nn.LayerNorm, eps=1e-6),
        )  # fmt: skip
        checkpoint[role] = named(drawn(encoder, generator), "module.backbone.")
    predictor: Any = vit_ac_predictor(
        img_size=size["image"], patch_size=size["patch"], num_frames=2 * size["ac_frames"],
        tubelet_size=2, embed_dim=size["width"], predictor_embed_dim=size["ac_width"],
        depth=size["ac_depth"], num_heads=size["ac_heads"], use_extrinsics=size["extrinsics"],
    )  # fmt: skip
    checkpoint["predictor"] = named(drawn(predictor, generator), "module.")
    shape: tuple[int, ...] = (1, 3, size["video_frames"], *size["image"])
    tensors["in.video"] = torch.randn(shape, generator=generator)
    tensors["out.video_tokens"] = encoder(tensors["in.video"])
    frames = size["ac_frames"]
    for name, shape in {
        "tokens": (2, frames * rows * columns, size["width"]),
        "actions": (2, frames, 7),
        "states": (2, frames, 7),
        "extrinsics": (2, frames, 6),
    }.items():
        tensors[f"in.{name}"] = torch.randn(shape, generator=generator)
    inputs = (tensors[f"in.{name}"] for name in ("tokens", "actions", "states", "extrinsics"))
    tensors["out.predicted"] = predictor(*inputs)
    return checkpoint, tensors


def named(module: nn.Module, prefix: str) -> dict[str, Tensor]:
    return {prefix + name: value.bfloat16() for name, value in module.state_dict().items()}


def main(reference: str, folder: str) -> None:
    sys.path.insert(0, reference)
    stand_in("timm.models.layers", "drop_path")
    stand_in("einops", "rearrange")
    out = Path(folder)
    out.mkdir(parents=True, exist_ok=True)
    for seed, (name, size) in enumerate(SIZES.items()):
        checkpoint, tensors = make(size, torch.Generator().manual_seed(seed))
        torch.save(checkpoint, out / f"{name}.pt")
        save_file({k: v.contiguous() for k, v in tensors.items()}, out / f"{name}.safetensors")
        (out / f"{name}.json").write_text(json.dumps(size, indent=1) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
