"""Print constraints.txt: the versions of everything armchair needs, as installed here.

Run it in the environment whose tests have just passed: `make lock`.
"""

from __future__ import annotations

import sys
import tomllib
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

HEADER = """\
# The versions that are tested together. Remade by `make lock`; used by `make` and CI.
# torch stands without its local suffix: the CPU and the CUDA builds both satisfy it.
"""


def main() -> None:
    project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
    todo = [Requirement(text) for text in project["dependencies"]]
    todo += [Requirement(text) for text in project["optional-dependencies"]["dev"]]
    versions: dict[str, str] = {}
    while todo:
        requirement = todo.pop()
        name = canonicalize_name(requirement.name)
        extras = requirement.extras or {""}
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        if name in versions and extras == {""}:
            continue
        found = metadata.distribution(name)
        versions[name] = found.version.partition("+")[0]
        for text in found.requires or ():
            child = Requirement(text)
            if not child.marker or any(child.marker.evaluate({"extra": e}) for e in extras):
                child.marker = None
                todo.append(child)
    sys.stdout.write(HEADER)
    sys.stdout.writelines(f"{name}=={versions[name]}\n" for name in sorted(versions))


if __name__ == "__main__":
    main()
