"""What the tests of the world model share."""

from __future__ import annotations

import pytest
from safetensors.torch import load_file
from torch import Tensor

from armchair.worldmodel.meta import load_ac
from armchair.worldmodel.model import WorldModel
from tests.worldmodel.models import GOLDEN, GOLDEN_CONFIG, tiny_sandbox


@pytest.fixture(scope="session")
def golden() -> dict[str, Tensor]:
    """Inputs `in.*` and expected outputs `out.*` of the reference implementation."""
    return load_file(GOLDEN / "tiny64.safetensors")


@pytest.fixture
def golden_model() -> WorldModel:
    """The golden AC checkpoint, its target encoder."""
    return load_ac(GOLDEN / "tiny64_ac.pt", GOLDEN_CONFIG)


@pytest.fixture
def sandbox() -> WorldModel:
    """A tiny model with statistics and scaling, weights drawn from seed 0."""
    return tiny_sandbox()
