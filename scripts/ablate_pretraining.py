"""Second ablation: what pre-training learns from, judged by probes on held-out episodes.

    python scripts/ablate_pretraining.py changes --out runs/pretraining    # hours of two cores
    python scripts/ablate_pretraining.py uniform --out runs/pretraining

Encoders of one size and as many steps each. Of `changes`: eq. (1) alone; with the objective that
paints changes (`recipe.change`); with every pair counted alike; with videos of rearranged objects
beside the tasks; with keypoints in place of half the code. Of `uniform`: eq. (1) with and without
changes, and both with uniform motion (`recipe.uniform`) besides. `armchair inspect` probes their
tokens. What is there already is not made again. A table goes to docs/ablations.md between its two
marks, a command to each row.
"""

from __future__ import annotations

import argparse
import json
import shlex
from pathlib import Path
from typing import Any

from ablation import PAGE, run, write_between

from armchair.evaluation.provenance import in_short

VARIANTS = {
    "eq. (1) alone": "--recipe.change.pairs 0",
    "and changes": "",
    "and changes, even pairs": "--recipe.change.even",
    "and changes, even pairs, rearranged objects": "--recipe.change.even",
    "and changes, even pairs, rearranged objects, keypoints": "--recipe.change.even "
    "--recipe.change.recolour 1 --recipe.change.code 16 --recipe.change.keypoints 32 "
    "--recipe.change.linear 0.5",
    "eq. (1) and uniform motion": "--recipe.change.pairs 0 --recipe.uniform.triples 40",
    "and changes, uniform motion": "--recipe.uniform.triples 40",
}
"""What each encoder is called and how its recipe differs from the sandbox's."""
TABLES = {
    "changes": tuple(name for name in VARIANTS if "uniform" not in name),
    "uniform": ("eq. (1) alone", "and changes", *(n for n in VARIANTS if "uniform" in n)),
}
"""Which encoders a table compares; their code and machine are to be the same."""
REARRANGED = tuple(name for name in VARIANTS if "rearranged" in name)
GLIDING = tuple(name for name in VARIANTS if "uniform" in name)
PROBED = ("flange position", "object position", "gripper")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("compared", choices=tuple(TABLES), help="which encoders to compare")
    parser.add_argument("--out", type=Path, required=True, help="episodes, runs and scores")
    parser.add_argument("--episodes", type=int, default=200, help="to learn from, of each mix")
    parser.add_argument("--test-episodes", type=int, default=40)
    parser.add_argument("--steps", type=int, default=1400)
    parser.add_argument("--data", type=Path, help="folder with all their episodes")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--table", action="store_true", help="only write what has been probed")
    return parser.parse_args()


def marks(compared: str) -> tuple[str, str]:
    begin = f"<!-- pretraining, {compared}: begin -->"
    return begin, begin.replace("begin", "end")


def folders(options: argparse.Namespace) -> dict[str, Path]:
    root = options.data or options.out
    return {name: root / name for name in ("tasks", "rearranged", "uniform", "validation")}


def collect(options: argparse.Namespace) -> None:
    """Collect what the folders lack; each mix of training scenes has a seed of its own."""
    wanted = {
        "tasks": f"--role train --mix tasks --seed {options.seed} --episodes {options.episodes}",
        "rearranged": f"--role train --mix rearranged --seed {options.seed + 1} "
        f"--episodes {options.episodes}",
        "uniform": f"--role train --mix uniform --seed {options.seed + 2} "
        f"--episodes {options.episodes}",
        "validation": f"--role validation --mix tasks --seed {options.seed} "
        f"--episodes {options.test_episodes}",
    }
    for name, folder in folders(options).items():
        run(["collect", *wanted[name].split(), "--out", str(folder)], folder / "collect.json")


def slug(name: str) -> str:
    return "-".join("".join(c if c.isalnum() else " " for c in name).split())


def pretrain_command(options: argparse.Namespace, name: str) -> list[str]:
    place, out = folders(options), options.out / slug(name)
    videos = [place["tasks"], *([place["rearranged"]] if name in REARRANGED else [])]
    return [
        *("pretrain", "--videos", *map(str, videos)),
        *(("--uniform", str(place["uniform"])) if name in GLIDING else ()),
        *("--store", str(options.out / "frames")),
        *("--out", str(out), "--steps", str(options.steps), "--seed", str(options.seed)),
        *("--no-watching", *VARIANTS[name].split()),
    ]


def inspect_command(options: argparse.Namespace, name: str) -> list[str]:
    place, out = folders(options), options.out / slug(name)
    return [
        *("inspect", str(place["validation"]), "--model", str(out / "encoder")),
        *("--fit", str(place["tasks"]), str(place["rearranged"])),
        *("--probes", str(out / "probes.json")),
        *("--seed", str(options.seed)),
    ]


def row(options: argparse.Namespace, name: str) -> str:
    content = json.loads((options.out / slug(name) / "probes.json").read_text())
    probes: dict[str, Any] = content["probes"]
    cells = [name, str(options.steps)]
    for target in PROBED:
        found = probes[target]
        cells.append(" / ".join(f"{found[key]:.3g}" for key in ("ridge", "attentive", "mean")))
    return (
        f"| {' | '.join(cells)} | `{shlex.join(['armchair', *pretrain_command(options, name)])}` |"
    )


def table(options: argparse.Namespace) -> str:
    """Return the Markdown of what has been probed; every number is out of a file of `inspect`."""
    probed = [
        n for n in TABLES[options.compared] if (options.out / slug(n) / "probes.json").exists()
    ]
    content = json.loads((options.out / slug(probed[0]) / "probes.json").read_text())
    units = {target: content["probes"][target]["unit"] for target in PROBED}
    head = ["learnt from", "steps", *(f"{t}, {units[t]}" for t in PROBED), "command"]
    judge = shlex.join(["armchair", *inspect_command(options, "ENCODER")])
    return "\n".join(
        [
            f"Mean error of ridge regression / of the attentive probe / of predicting the mean, "
            f"fitted on {content['fitted_on']} episodes and tested on {content['episodes']} others;"
            f" code `{in_short(content['code'])}`, {content['processor']}. Probed by `{judge}`.",
            "",
            f"| {' | '.join(head)} |",
            f"|{' --- |' * len(head)}",
            *(row(options, name) for name in probed),
        ]
    )


def main() -> None:
    options = arguments()
    if not options.table:
        collect(options)
        for name in TABLES[options.compared]:
            out = options.out / slug(name)
            run(pretrain_command(options, name), out / "encoder" / "config.json")
            run(inspect_command(options, name), out / "probes.json")
    write_between(PAGE, *marks(options.compared), table(options))


if __name__ == "__main__":
    main()
