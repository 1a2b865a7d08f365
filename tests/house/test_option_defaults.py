"""The defaults that ``docs/loops.md`` gives for a policy's options are those of the code."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from policies.gradient.options import GradientOptions
from policies.linear_options import LinearOptions
from policies.slateq.options import SlateQOptions
from policies.vw_options import VwOptions

PAGE = Path(__file__).resolve().parents[2] / "docs" / "loops.md"

OPTIONS: dict[str, type] = {
    "linear": LinearOptions,
    "vw": VwOptions,
    "slateq": SlateQOptions,
    "gradient": GradientOptions,
}

_ASIDE = re.compile(r" \(([^)]*)\)")
_COMMA = re.compile(r", (?![^\[(]*[\])])")


def written(kind: str) -> dict[str, Any]:
    """Option → default, of the page's tables on a kind; an aside is about another option, or about one kind alone."""
    found: dict[str, Any] = {}
    for line in _rows(kind):
        names, defaults = (cell.strip() for cell in line.split("|")[1:3])
        for name, default in zip(re.findall(r"`(\w+)`", names), _COMMA.split(defaults), strict=True):
            found[name] = _value(_ASIDE.sub("", default))
            for one, value in re.findall(r"`(\w+)` ([^,)]+)", "".join(_ASIDE.findall(default))):
                found |= {one: _value(value)} if one not in OPTIONS else {name: _value(value)} if one == kind else {}
    return found


def _rows(kind: str) -> list[str]:
    """Of the section whose heading names the kind, without what is said there of another kind alone."""
    (section,) = [
        part
        for part in PAGE.read_text(encoding="utf-8").split("\n## ")
        if part.startswith("Options of") and f"`{kind}`" in part.splitlines()[0]
    ]
    alone = re.split(r"^`(\w+)` alone:$", section, flags=re.MULTILINE)
    texts = [alone[0], *(text for name, text in zip(alone[1::2], alone[2::2], strict=True) if name == kind)]
    return [line for text in texts for line in text.splitlines() if line.startswith("| `")]


def _value(text: str) -> Any:
    return yaml.safe_load(text.strip("` "))


def defaults_of(kind: str) -> dict[str, Any]:
    pairs = ((field.name.rstrip("_"), field.default) for field in dataclasses.fields(OPTIONS[kind]))
    return {name: list(value) if isinstance(value, tuple) else value for name, value in pairs}


@pytest.mark.parametrize("kind", OPTIONS)
def test_defaults_are_written_as_they_are(kind: str) -> None:
    assert written(kind) == defaults_of(kind)
