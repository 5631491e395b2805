"""The released V-JEPA 2 checkpoints by name: architecture, where they lie, what is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from armchair.worldmodel.encoder import EncoderConfig
from armchair.worldmodel.predictor import PredictorConfig

META_URL = "https://dl.fbaipublicfiles.com/vjepa2"
"""Where Meta's `.pt` files lie."""
SECONDS_PER_STEP = 4 / 15
"""Every fourth row at 15 Hz, the stride of the loader that the AC checkpoint was trained with."""


@dataclass(frozen=True, kw_only=True)
class OfficialWeights:
    """One released checkpoint."""

    file: str
    """Name of Meta's file, below `META_URL`; it holds both `encoder` and `target_encoder`."""
    hub: str | None
    """Repository of the same encoder for `transformers`, made from the `encoder` weights."""
    encoder: EncoderConfig
    predictor: PredictorConfig | None = None
    """Action-conditioned predictor, if the checkpoint has one."""
    bytes: int | None = None
    """Size of the file, where it is known."""
    sha256: str | None = None
    """Hash of the file, where it is known."""

    @property
    def url(self) -> str:
        """Where the file can be fetched."""
        return f"{META_URL}/{self.file}"


VIT_L = EncoderConfig(image_size=256, width=1024, depth=24, heads=16)
VIT_H = EncoderConfig(image_size=256, width=1280, depth=32, heads=16)
VIT_G = EncoderConfig(image_size=256, width=1408, depth=40, heads=22, mlp_ratio=48 / 11)
VIT_G_384 = EncoderConfig(image_size=384, width=1408, depth=40, heads=22, mlp_ratio=48 / 11)
AC_300M = PredictorConfig(
    token_width=1408, grid=(16, 16), width=1024, depth=24, heads=16, max_frames=16
)
"""Paper, section 3.1; as many frames as its clips have. A longer table changes no weight."""

# Meta publishes no sizes or hashes. Those below are stated alike by several public projects that
# downloaded the files; the encoders' also name the same files on the Hugging Face hub. Sizes and
# hashes that no two of them state are left out.
OFFICIAL: Mapping[str, OfficialWeights] = MappingProxyType(
    {
        "vjepa2-vitl": OfficialWeights(
            file="vitl.pt",
            hub="facebook/vjepa2-vitl-fpc64-256",
            encoder=VIT_L,
            bytes=5_127_726_842,
            sha256="5346856ec9df69487fe72a25bf2632aaa8112df33fb67708e3f7374edc1f7012",
        ),
        "vjepa2-vith": OfficialWeights(
            file="vith.pt", hub="facebook/vjepa2-vith-fpc64-256", encoder=VIT_H
        ),
        "vjepa2-vitg": OfficialWeights(
            file="vitg.pt",
            hub="facebook/vjepa2-vitg-fpc64-256",
            encoder=VIT_G,
            sha256="67129f011434e605d894e69f2c8e13d9db118deabe59d54bf6e0fa62c2c5cb8e",
        ),
        "vjepa2-vitg-384": OfficialWeights(
            file="vitg-384.pt", hub="facebook/vjepa2-vitg-fpc64-384", encoder=VIT_G_384
        ),
        "vjepa2-ac-vitg": OfficialWeights(
            file="vjepa2-ac-vitg.pt",
            hub=None,
            encoder=VIT_G,
            predictor=AC_300M,
            bytes=11_760_743_310,
            sha256="0b5e3c4bf77a473cd8c61d32fbd87b28cdbba043fb3b8267f3b8bcfb1d5b9e6b",
        ),
    }
)
