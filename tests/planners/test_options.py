"""Settings by name=value."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from armchair.errors import BadValueError, UnknownNameError
from armchair.planners import load_planner, with_options


def test_single_and_nested_settings_are_replaced() -> None:
    planner = with_options(
        load_planner("cem"), ["samples=77", "bounds.translation=0.05", "warm_start=false"]
    )
    settings = planner.describe()
    assert settings["samples"] == 77
    assert settings["bounds"]["translation"] == 0.05
    assert settings["warm_start"] is False
    untouched = load_planner("cem").describe()
    assert settings["iterations"] == untouched["iterations"]
    assert untouched["samples"] != 77


def test_the_order_of_settings_does_not_matter() -> None:
    """Each alone would be refused: 3 elites below 4 carried, 900 elites above 64 samples."""
    for options in (["elites=3", "carried=2"], ["elites=900", "samples=1000"]):
        first, second = (with_options(load_planner("cem"), o) for o in (options, options[::-1]))
        assert first == second
    with pytest.raises(BadValueError, match="exclude each other"):
        with_options(load_planner("cem"), ["bounds=3", "bounds.rotation=1"])


def test_unknown_setting_lists_the_legal_ones() -> None:
    with pytest.raises(UnknownNameError, match=r"Did you mean 'samples'"):
        with_options(load_planner("cem"), ["sample=3"])


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("samples", "planner option 'samples' is not of the form name=value"),
        ("samples=many", r"'samples=many': expected a value like \d+ \(int\)"),
        ("samples=0", "samples is 0, expected 1 or more"),
        ("bounds=3", "'bounds=3': set its parts, such as bounds.translation"),
        ("warm_start=7", "'warm_start=7': expected true or false"),
        ("round_candidates=1", "'round_candidates=1': expected true or false"),
    ],
)
def test_bad_value_is_named(option: str, message: str) -> None:
    with pytest.raises(BadValueError, match=message):
        with_options(load_planner("cem"), [option])


def test_settings_of_a_setting_that_has_none() -> None:
    with pytest.raises(UnknownNameError, match="'x'"):
        with_options(load_planner("cem"), ["samples.x=1"])


def test_options_of_a_planner_that_takes_none() -> None:
    class Own:
        def plan(self, *_: object) -> None: ...

    @dataclass(frozen=True)
    class Bare(Own): ...

    for planner in (Own(), Bare()):
        assert with_options(planner, ()) is planner  # type: ignore[arg-type]
        with pytest.raises(BadValueError, match=r"(Own|Bare) takes no options"):
            with_options(planner, ["samples=3"])  # type: ignore[arg-type]


def test_settings_of_a_planner_without_a_config_are_its_own() -> None:
    @dataclass(frozen=True)
    class Flat:
        steps: int = 3

        def plan(self, *_: object) -> None: ...

    assert with_options(Flat(), ["steps=5"]) == Flat(steps=5)  # type: ignore[arg-type, comparison-overlap]
    with pytest.raises(UnknownNameError, match="Did you mean 'steps'"):
        with_options(Flat(), ["step=5"])  # type: ignore[arg-type]
