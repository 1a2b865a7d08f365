"""What is written exists, and what exists is written: commands, settings, routes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main
from typer.core import TyperGroup

import slateloop
from policies import registry
from serve_app.personalizer.operations import OPERATIONS
from serve_app.personalizer.operations import PREFIX as PERSONALIZER
from serve_app.settings import PREFIX, ServiceSettings

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
CLIENT_SETTINGS = {"SLATELOOP_URL", "SLATELOOP_KEY"}

_BLOCK = re.compile(r"^```[a-z]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_SETTING = re.compile(rf"\b{PREFIX}[A-Z][A-Z_]*\b")
_ROUTE = re.compile(r"\b(GET|POST|PUT|DELETE) (/[A-Za-z0-9/_{}.-]*)")


def pages() -> list[Path]:
    """What people read: history (CHANGELOG, decision records) may name what is gone."""
    found = [README, *sorted((ROOT / "docs").rglob("*.md"))]
    return [path for path in found if path.exists() and "adr" not in path.parts]


def page_texts() -> list[str]:
    return [path.read_text(encoding="utf-8") for path in pages()]


def spans(text: str) -> list[str]:
    """Code blocks and inline code."""
    outside = _BLOCK.sub("", text)
    return [*_BLOCK.findall(text), *re.findall(r"`([^`\n]+)`", outside)]


def command_lines() -> Iterator[list[str]]:
    """Every line of code that begins with one of our commands, joined over backslashes, without its prompt."""
    for text in page_texts():
        for span in spans(text):
            for line in span.replace("\\\n", " ").splitlines():
                for part in re.split(r"&&|\|", line):
                    words = part.strip().removeprefix("$ ").split()
                    if words and words[0].removeprefix(".venv/bin/") in {"slateloop", "make"}:
                        yield [words[0].removeprefix(".venv/bin/"), *words[1:]]


def command_tree() -> TyperGroup:
    group = typer.main.get_command(slateloop.app)
    assert isinstance(group, TyperGroup)
    return group


def problem(words: list[str]) -> str | None:
    """What is wrong with a documented command line of ours."""
    if words[0] == "make":
        return None if not words[1:] or set(words[1:2]) <= make_targets() else f"no target {words[1]}"
    command: object = command_tree()
    rest = words[1:]
    while isinstance(command, TyperGroup) and rest and not rest[0].startswith("-"):
        if re.fullmatch(r"[A-Z…]+", rest[0]):
            return None
        if rest[0] not in command.commands:
            return f"no command {rest[0]}"
        command = command.commands[rest.pop(0)]
    given = getattr(command, "params", [])
    options = {name for one in given for name in (*one.opts, *one.secondary_opts)} | {"--help"}
    wrong = [word for word in rest if word.startswith("--") and word.split("=")[0] not in options]
    return f"no option {', '.join(wrong)}" if wrong else None


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def test_the_lookups_can_fail() -> None:
    """The tests below are only worth something if wrong lines are seen."""
    assert problem(["make", "nonsense"]) == "no target nonsense"
    assert problem(["slateloop", "nonsense"]) == "no command nonsense"
    assert problem(["slateloop", "loops", "nonsense"]) == "no command nonsense"
    assert problem(["slateloop", "demo", "--nonsense", "1"]) == "no option --nonsense"
    assert problem(["slateloop", "loops", "status", "default", "--json"]) is None
    assert problem(["make", "demo"]) is None


def test_every_documented_command_exists() -> None:
    wrong = {" ".join(words): found for words in command_lines() if (found := problem(words))}
    assert wrong == {}


def leaves(group: TyperGroup, *above: str) -> Iterator[tuple[str, list[list[str]]]]:
    """Every command that does something, with its options, each with all its names."""
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from leaves(command, *above, name)
        else:
            options = [[*one.opts, *one.secondary_opts] for one in command.params if one.opts[0].startswith("--")]
            yield " ".join((*above, name)), options


def test_every_command_that_exists_is_documented() -> None:
    """Of groups the first word is enough: their own help lists the rest."""
    named = {words[1] for words in command_lines() if words[0] == "slateloop" and words[1:]}
    assert {name.split()[0] for name, _ in leaves(command_tree())} - named == set()


EXPERIMENTS = {
    "simulate": "experiments",
    "bakeoff": "experiments",
    "replay movielens": "experiments",
    "train": "agents",
}
"""Command → the page that has its options."""


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_option_of_an_experiment_is_documented(name: str) -> None:
    page = (ROOT / "docs" / f"{EXPERIMENTS[name]}.md").read_text(encoding="utf-8")
    options = dict(leaves(command_tree()))[name]
    assert ["--seed"] in options or ["--seeds"] in options
    absent = [names for names in options if not any(re.search(rf"{name}\b", page) for name in names)]
    assert [names for names in absent if names != ["--json"]] == []


def test_examples_in_the_help_exist() -> None:
    def walk(command: object) -> Iterator[str]:
        yield getattr(command, "help", None) or ""
        yield getattr(command, "epilog", None) or ""
        for inner in getattr(command, "commands", {}).values():
            yield from walk(inner)

    lines = [
        line for text in walk(command_tree()) for line in re.findall(r"(?:Example|with|own): (slateloop .+)", text)
    ]
    assert len(lines) > 10
    wrong = {line: found for line in lines if (found := problem(line.split(" > ")[0].split()))}
    assert wrong == {}


def test_the_readme_shows_the_first_commands() -> None:
    if not README.exists():
        pytest.skip("no README yet")
    shown = {" ".join(words[:2]) for words in command_lines()}
    assert {"make demo", "make test", "make serve"} <= shown


def known_settings() -> set[str]:
    return {f"{PREFIX}{name.upper()}" for name in ServiceSettings.model_fields} | CLIENT_SETTINGS


def test_every_setting_that_is_written_exists() -> None:
    named = {name for text in page_texts() for name in _SETTING.findall(text)}
    assert named <= known_settings()


def test_every_setting_that_exists_is_written() -> None:
    text = "\n".join(page_texts())
    if PREFIX not in text:
        pytest.skip("no page names a setting yet")
    assert {name for name in known_settings() if not re.search(rf"\b{name}\b", text)} == set()


@pytest.mark.parametrize("kind", registry.kinds())
def test_every_option_of_a_policy_is_written(kind: str) -> None:
    told = registry.problems(kind, {"no_such_option": 1})[0]
    options = told.partition("choose from ")[2].split(", ") if "choose from" in told else []
    page = (ROOT / "docs" / "loops.md").read_text(encoding="utf-8")
    parts = [
        part for part in page.split("\n## ") if part.startswith("Options of") and f"`{kind}`" in part.splitlines()[0]
    ]
    assert [name for name in options if not any(f"`{name}`" in part for part in parts)] == []


def test_every_setting_named_in_code_exists() -> None:
    rooms = ("agent", "policies", "serve_app", "simulator", "benchmarks")
    files = [
        ROOT / "slateloop.py",
        ROOT / "Makefile",
        *(path for room in rooms for path in (ROOT / room).rglob("*.py")),
    ]
    named = {name for path in files for name in _SETTING.findall(path.read_text(encoding="utf-8"))}
    assert {name for name in named if not name.endswith("_")} <= known_settings()


def test_every_documented_route_exists() -> None:
    from serve_app.routes.openapi import document

    routes = {
        (method.upper(), _shape(path)) for path, methods in document("test")["paths"].items() for method in methods
    }
    assert ("POST", "/v1/slates") in routes
    routes |= {
        (operation.method, _shape(f"{PERSONALIZER}{version}{operation.path}"))
        for operation in OPERATIONS
        for version in ("v1.0/", "v1.1-preview.3/", "")
    }
    written = {(method, _shape(path)) for text in page_texts() for method, path in _ROUTE.findall(text)}
    undocumented = {("GET", "/docs"), ("GET", "/openapi.json")}
    assert {route for route in written if route not in routes | undocumented} == set()


def _shape(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", path).rstrip(".")
