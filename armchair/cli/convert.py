"""Convert V-JEPA 2 weights of Meta's or Hugging Face's to ours, and back.

Reads them from anywhere and writes one of three layouts; no number changes. To `armchair`: a folder
with config.json and safetensors. To `meta`: one .pt file whose encoder and target_encoder are the
same. To `huggingface`: a folder for transformers, encoder only.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rich.console import Console

from armchair.errors import BadValueError, check_least


@dataclass(frozen=True, kw_only=True)
class Config:
    """Options of `armchair convert`."""

    source: str
    """Name (default, vjepa2-vitl, -vith, -vitg, -vitg-384, vjepa2-ac-vitg), folder, .pt file,
    relay.safetensors of `armchair pretrain` (its encoder), or Hugging Face hub id (owner/name)."""
    out: Path
    """Folder to write, or, for Meta's layout, a file that ends in .pt."""
    to: Literal["armchair", "meta", "huggingface"] = "armchair"
    """Layout to write."""
    part: Literal["all", "encoder"] = "all"
    """Encoder and predictor where there are both, or the encoder alone."""
    role: Literal["target_encoder", "encoder"] | None = None
    """Which encoder of a .pt file or a relay: the EMA teacher, which Meta's AC training and
    evaluations load (the default), or the student, which their hub entry loads."""
    architecture: Path | None = None
    """config.json that says the size of a .pt file which is none of the released ones: a world
    model's or a frame encoder's of ours, or an encoder's for transformers."""
    numbers: Literal["float32", "bfloat16"] = "float32"
    """Number format on disk of our own layout; the others are float32."""
    seconds_per_step: float | None = None
    """Time of a model step that our own layout keeps; 0.267 for released weights unless set. Their
    loader went by the headers of DROID's videos, 60 fps over 15 Hz, which makes a step 1.0 s."""

    def __post_init__(self) -> None:
        if (self.to == "meta") != (self.out.suffix == ".pt"):
            raise BadValueError(
                f"--out {self.out} with --to {self.to}: Meta's layout is one file that ends in "
                ".pt, the others are a folder."
            )
        if self.to != "armchair" and self.numbers != "float32":
            raise BadValueError(
                f"--numbers {self.numbers} is for our own layout; {self.to}'s is float32: leave it "
                "out."
            )
        if self.seconds_per_step is not None:
            if (self.to, self.part) != ("armchair", "all"):
                raise BadValueError(
                    "--seconds-per-step is kept with our own layout of a whole model: leave out "
                    "--to and --part."
                )
            check_least(self, seconds_per_step=1 / 15)


def run(config: Config) -> None:
    """Convert and say what was written."""
    from armchair.worldmodel.convert import convert

    size = convert(config.source, config.out, config.to, config.part, config.role,
                   config.architecture, config.numbers, config.seconds_per_step)  # fmt: skip
    height, width = size.image_shape
    about = f"encoder of width {size.width} and depth {size.depth}, pictures of {height} × {width}"
    Console().print(f"{config.source} → {config.out} ({about})", highlight=False, soft_wrap=True)
