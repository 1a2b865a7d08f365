"""Every folder stands behind the import contracts, every file stays readable, every public name exists."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("agent", "envs", "policies", "serve_app", "simulator")
N_LINES = 400


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def sources(*folders: str) -> list[Path]:
    files = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    return [ROOT / "slateloop.py", *files]


def folders_with_code() -> set[str]:
    hidden_or_built = (".", "build", "dist")
    return {
        path.name
        for path in ROOT.iterdir()
        if path.is_dir() and not path.name.startswith(hidden_or_built) and any(path.rglob("*.py"))
    }


def test_every_folder_with_code_is_known() -> None:
    assert folders_with_code() <= {*ROOMS, "tests", "benchmarks", "docs", "examples", "deploy"}


def test_every_room_is_behind_the_import_contracts() -> None:
    settings = project()["tool"]["importlinter"]
    assert set(settings["root_packages"]) == set(ROOMS)
    layers = next(one for one in settings["contracts"] if one["type"] == "layers")["layers"]
    walled = {name.strip() for layer in layers for name in layer.split("|")}
    worlds = next(one for one in settings["contracts"] if "envs" in one.get("source_modules", []))
    assert walled | set(worlds["source_modules"]) == set(ROOMS)
    acyclic = next(one for one in settings["contracts"] if one["type"] == "acyclic_siblings")
    assert set(acyclic["ancestors"]) == set(ROOMS)


def test_no_room_imports_the_command_line() -> None:
    """The import contracts can't say so: they know packages only, and the command line is one module."""
    for path in sources(*ROOMS)[1:]:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        named = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        named |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert "slateloop" not in {name.split(".")[0] for name in named}, path


def test_every_room_is_packaged() -> None:
    found = project()["tool"]["setuptools"]
    assert found["py-modules"] == ["slateloop"]
    assert {name.rstrip("*") for name in found["packages"]["find"]["include"]} == set(ROOMS)


@pytest.mark.parametrize("path", sources(*ROOMS, "tests", "benchmarks"), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_is_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= N_LINES


@pytest.mark.parametrize("path", sources(*ROOMS), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_says_its_place_in_the_flow(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert path.stem not in {"utils", "util", "helpers", "helper", "common", "manager", "misc"}


def test_every_folder_of_a_room_is_a_package() -> None:
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            assert (path.parent / "__init__.py").exists(), path.parent


PUBLIC = {
    "serve_app.client": ["AsyncClient", "Client"],
    "serve_app.retries": ["Backoff"],
    "serve_app.answers": [
        "Chosen",
        "ConflictError",
        "NotAllowedError",
        "NotFoundError",
        "RefusedError",
        "ServiceFailedError",
        "Slate",
        "SlateloopError",
        "UnreachableError",
    ],
    "serve_app.settings": ["ServiceSettings", "load_settings"],
    "serve_app.service": ["Service", "start"],
    "agent.loops": ["LoopSettings", "SettingsError", "parse", "parse_yaml"],
    "agent.records": ["Activation", "Decision", "Experience", "Reward", "SessionEnd", "StreamId"],
    "policies.base": ["Action", "Context", "Learner", "Lesson", "Policy", "Prepared", "Slate", "Slot"],
    "policies.sampling": ["Rules", "choose", "propensities"],
    "policies.registry": ["kinds", "make_learner", "make_policy", "resume_learner"],
    "simulator.service": ["Service"],
}


@pytest.mark.parametrize("module", sorted(PUBLIC))
def test_names_that_others_rely_on_exist(module: str) -> None:
    found = importlib.import_module(module)
    assert [name for name in PUBLIC[module] if not hasattr(found, name)] == []


def test_importing_the_client_loads_nothing_heavy() -> None:
    """An application that only calls the service shouldn't pay for learning or serving."""
    heavy = "{'ray', 'torch', 'vowpalwabbit', 'redis', 'starlette', 'numpy'}"
    code = f"import sys, serve_app.client; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


def test_importing_anything_starts_nothing() -> None:
    """Every module of ours is imported in a fresh interpreter that refuses sockets, threads and processes."""
    names = [info.name for room in ROOMS for info in pkgutil.walk_packages([str(ROOT / room)], prefix=f"{room}.")]
    code = f"""
import importlib, os, socket, subprocess, sys, threading
import ray, redis, vowpalwabbit, httpx, typer, numpy  # what others do at import is theirs
def refuse(*args, **kwargs): raise RuntimeError("started at import")
socket.socket.connect = refuse
subprocess.Popen.__init__ = refuse
threading.Thread.start = refuse
os.fork = refuse
for name in {names!r}: importlib.import_module(name)
assert not ray.is_initialized()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr[-2000:]
