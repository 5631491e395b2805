"""First ablation: the unit of latents × how varied the scenes are, judged by action inference.

    python scripts/ablate_statistics.py --out runs/ablation            # small: under an hour
    python scripts/ablate_statistics.py --out runs/ablation --train-episodes 400 --steps 4000 \\
        --width 192 --depth 4 --samples 512 128                        # the shipped model's size

For each level it collects episodes, for each unit it trains a predictor on the same frozen encoder
and lets `armchair infer` judge it on episodes of that level. What is there already is not made
again. The table goes to docs/ablations.md between its two marks, a command to each row.
"""

from __future__ import annotations

import argparse
import json
import shlex
from pathlib import Path
from typing import Any

from ablation import PAGE, run, write_between

from armchair.evaluation.provenance import in_short

LEVELS, UNITS = ("none", "light", "full"), ("none", "data", "change")
BEGIN, END = "<!-- statistics: begin -->", "<!-- statistics: end -->"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--out", type=Path, required=True, help="episodes, runs and scores")
    parser.add_argument("--encoder", default="default", help="name or folder of the encoder")
    parser.add_argument("--train-episodes", type=int, default=48)
    parser.add_argument("--test-episodes", type=int, default=20)
    parser.add_argument("--rows", type=int, default=120, help="of an episode, 15 a second")
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--depth", type=int, default=2)
    parser.add_argument("--pairs", type=int, default=500)
    parser.add_argument("--samples", type=int, nargs=2, default=(128, 32), help="first, then each")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--table", action="store_true", help="only write what has been judged")
    return parser.parse_args()


def collect(options: argparse.Namespace, level: str) -> None:
    counts = {"train": options.train_episodes, "validation": options.test_episodes}
    for role, count in counts.items():
        folder = options.out / level / role
        words = f"collect --level {level} --role {role} --episodes {count} --rows {options.rows}"
        found = len(list(folder.rglob("trajectory.h5")))
        run([*words.split(), "--out", str(folder)], folder if found >= count else folder / "-")


def train_command(options: argparse.Namespace, level: str, unit: str) -> list[str]:
    folder, size = options.out / level, f"--recipe.predictor.width {options.width}"
    return [
        *("train", "--episodes", str(folder / "train"), "--held-out", str(folder / "validation")),
        *("--encoder", options.encoder, "--cache", str(folder / "tokens")),
        *("--out", str(folder / unit), "--seed", str(options.seed)),
        *f"--steps {options.steps} --recipe.statistics {unit} {size}".split(),
        *f"--recipe.predictor.depth {options.depth} --recipe.clips.batch 32".split(),
        *f"--loop.log-steps 100 --loop.evaluate-steps {2 * options.steps}".split(),
    ]


def infer_command(options: argparse.Namespace, level: str, unit: str) -> list[str]:
    folder, (first, each) = options.out / level, options.samples
    return [
        *(
            "infer",
            "--episodes",
            str(folder / "validation"),
            "--model",
            str(folder / unit / "model"),
        ),
        *("--out", str(folder / f"{unit}.json"), "--seed", str(options.seed)),
        *f"--search.pairs.count {options.pairs} --search.first-samples {first}".split(),
        *f"--search.samples {each} --search.elites 6 --search.iterations 4".split(),
    ]


def row(options: argparse.Namespace, level: str, unit: str) -> str:
    content = json.loads((options.out / level / f"{unit}.json").read_text())
    scores: dict[str, Any] = content["scores"][0]
    axes, found = scores["inference"]["axes"], scores["inference"]
    shown = [f"{axes[axis]['correlation']:.2f}" for axis in ("x", "y", "z", "gripper")]
    plain = scores["rollouts"]["plain"]
    horizons = [f"{100 * plain['model'][h] / plain['copy'][h]:.0f} %" for h in (0, 1, 7)]
    cells = [level, unit, *shown, f"{100 * found['translation_error']:.1f} cm", *horizons]
    train = shlex.join(["armchair", *train_command(options, level, unit)])
    return f"| {' | '.join(cells)} | `{train}` |"


def table(options: argparse.Namespace) -> str:
    """Return the Markdown of what has been judged; every number is read from a file of `infer`."""
    pairs = [(level, unit) for level in LEVELS for unit in UNITS]
    judged = [p for p in pairs if (options.out / p[0] / f"{p[1]}.json").exists()]
    content = json.loads((options.out / judged[0][0] / f"{judged[0][1]}.json").read_text())
    head = "level|unit|x|y|z|gripper|translation|copy, step 1|step 2|step 8|command".split("|")
    judge = shlex.join(["armchair", *infer_command(options, "LEVEL", "UNIT")])
    return "\n".join(
        [
            f"Encoder `{options.encoder}`; {options.train_episodes} episodes of {options.rows} rows"
            f" to learn from, {options.test_episodes} to judge on; "
            f"code `{in_short(content['code'])}`, {content['processor']}. Judged by `{judge}`.",
            "",
            f"| {' | '.join(head)} |",
            f"|{' --- |' * len(head)}",
            *(row(options, level, unit) for level, unit in judged),
        ]
    )


def main() -> None:
    options = arguments()
    for level in () if options.table else LEVELS:
        collect(options, level)
        for unit in UNITS:
            run(train_command(options, level, unit), options.out / level / unit / "scores.json")
            run(infer_command(options, level, unit), options.out / level / f"{unit}.json")
    write_between(PAGE, BEGIN, END, table(options))


if __name__ == "__main__":
    main()
