"""Files that a module's imports reach: all ways to write an import, packages around, and what is left out."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulator.imports import reached

BEGIN = """
from simulator import near

def f():
    from envs.world import World
    import policies.nets.deep
"""
FILES = {
    "envs/__init__.py": "import envs.registered\n",
    "envs/registered.py": "",
    "envs/world.py": "import math\n",
    "policies/nets/__init__.py": "",
    "policies/nets/deep.py": "import simulator.loop\n",
    "policies/nets/wide.py": "",
    "simulator/begin.py": BEGIN,
    "simulator/near.py": "from policies.nets.wide import one, two\n",
    "simulator/loop.py": "from simulator import begin\n",
    "simulator/unused.py": "",
    "serve_app/app.py": "",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def names(root: Path, found: set[Path]) -> set[str]:
    return {path.relative_to(root).as_posix() for path in found}


def test_everything_near_and_far_is_found_once(root: Path) -> None:
    found = reached(root, [root / "simulator" / "begin.py"])
    assert names(root, found) == FILES.keys() - {"simulator/unused.py", "serve_app/app.py"}


def test_only_the_named_rooms_are_entered(root: Path) -> None:
    found = reached(root, [root / "simulator" / "begin.py"], rooms=("simulator",))
    assert names(root, found) == {"simulator/begin.py", "simulator/near.py"}


def test_what_is_left_out_leads_nowhere(root: Path) -> None:
    found = reached(root, [root / "simulator" / "begin.py"], but=[root / "policies" / "nets"])
    assert names(root, found) == {
        "simulator/begin.py",
        "simulator/near.py",
        "envs/__init__.py",
        "envs/registered.py",
        "envs/world.py",
    }
