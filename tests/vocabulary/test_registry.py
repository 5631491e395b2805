"""Names to things: each name once, in order, and the nearest one for a slip of the pen."""

from __future__ import annotations

import pytest

from armchair.errors import UnknownNameError
from armchair.registry import Registry


@pytest.fixture
def colours() -> Registry[int]:
    colours: Registry[int] = Registry("colour")
    colours.add("red")(0xFF0000)
    colours.add("blue")(0x0000FF)
    return colours


def test_a_name_is_registered_once(colours: Registry[int]) -> None:
    with pytest.raises(ValueError, match="colour 'red' is registered already"):
        colours.add("red")(0x800000)
    assert colours["red"] == 0xFF0000, "the first stays"


def test_names_are_in_order_and_slips_are_told(colours: Registry[int]) -> None:
    assert list(colours) == ["blue", "red"]
    assert "red" in colours
    assert "green" not in colours
    with pytest.raises(UnknownNameError, match=r"colour 'rad'.*Did you mean 'red'"):
        colours["rad"]
