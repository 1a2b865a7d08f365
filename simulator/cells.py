"""What is measured: one policy in one world with one seed, settled to the last option, and named by its settings.

In: names and options as a person writes them. Out: a ``Cell`` (users, a loop and its arms) or a ``Yardstick`` (what
random, myopic and informed choosers reach in that world). Equal settings have equal keys, so finished work is found
again.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import yaml

from agent.arms import LEARNED
from agent.starts import StartError
from policies import registry
from simulator import policy_starts

FORMAT = 3
"""Raise it when what a cell measures changes: what was measured before is then measured anew."""

POPULARITY = "popularity"
PATH = "path"
"""The option of a world that names its data."""

N_BLOCKS = 40
"""A cell's requests are counted in so many blocks."""

Options = Mapping[str, Any]
Via = Literal["process", "live"]
Course = Literal["shared", "alone", "at once"]


class CellError(ValueError):
    """An experiment was asked for that can't be run; the message names field, value and cure."""


class _Yaml(yaml.SafeLoader):
    """Also reads ``1e-1`` as a number, as JSON does; YAML 1.1 wants a point in it."""


_Yaml.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+$"), list("-+0123456789")
)


@dataclass(frozen=True, slots=True)
class PolicyChoice:
    """A policy as an experiment names it.

    Attributes:
        name: As it was written; the label in tables and plots.
        kind: One of the registry's.
        options: As in a loop's settings.
    """

    name: str
    kind: str
    options: Options = field(default_factory=dict)

    @property
    def is_static(self) -> bool:
        """It learns nothing of its own."""
        return registry.is_static(self.kind)

    @property
    def arm(self) -> str:
        """The variant that this policy is."""
        return self.kind if self.is_static else LEARNED

    @property
    def variants(self) -> dict[str, float]:
        """Shares of the users: a policy that learns is compared with popularity on the same log, others run alone."""
        return {self.kind: 1.0} if self.is_static else {LEARNED: 0.5, POPULARITY: 0.5}


def parse_policy(text: str) -> PolicyChoice:
    """Read ``vw``, ``vw:bag``, ``vw:bag,epsilon=0.05`` (a bare word is the explorer), or a YAML or JSON mapping.

    ``slateq:start=FILE`` begins with a trained agent.

    Raises:
        CellError: naming everything wrong with it.
    """
    kind, options = _mapping(text) if text.lstrip().startswith(("{", "kind:")) else _short(text)
    problems = registry.problems(kind, policy_starts.own(options))
    if problems:
        raise CellError(f"policy {text!r}: " + "; ".join(problems))
    try:
        return PolicyChoice(text.strip(), kind, policy_starts.settled(kind, options))
    except StartError as error:
        raise CellError(f"policy {text!r}: {error}") from None


def parse_option(text: str) -> tuple[str, Any]:
    """Read ``key=value``; the value is YAML.

    Raises:
        CellError: there is no key, or the value is broken.
    """
    key, mark, value = text.partition("=")
    if not mark or not key.strip():
        raise CellError(f"option {text!r} must be written key=value, for example visible_budget=true")
    try:
        return key.strip(), _yaml(value)
    except yaml.YAMLError as error:
        raise CellError(f"option {text!r}: the value is not YAML: {error}") from None


@dataclass(frozen=True, slots=True)
class Setting:
    """A world, settled.

    Attributes:
        preset: As in ``envs.presets``.
        options: Of the world, beside the preset's own.
        data: Digest of the files that an option names, empty where none does.
    """

    preset: str
    n_candidates: int
    n_slots: int
    options: Options = field(default_factory=dict)
    data: str = ""

    @property
    def title(self) -> str:
        """The preset, with its options and sizes; of a path its last name."""
        plain = {key: Path(str(value)).name if key == PATH else value for key, value in self.options.items()}
        more = "".join(f", {key}={value}" for key, value in sorted(plain.items()))
        return f"{self.preset} ({self.n_candidates} candidates, {self.n_slots} slots{more})"


@dataclass(frozen=True, slots=True)
class Cell:
    """One policy in one world with one seed.

    Attributes:
        n_requests: How many slates are asked for, by all arms together.
        publish_every: In process: a snapshot is published after so many experiences.
        via: Whether the loop runs in this process or in a running service.
        course: ``shared``: a policy that learns shares users and log with popularity. ``alone``: it has them for
            itself. ``at once``: so too, and each decision is learned and published before the next is made, without
            the loop's floor, as studies of bandits do it.
        url: Of the running service; empty in process.
    """

    setting: Setting
    policy: PolicyChoice
    seed: int
    n_requests: int
    publish_every: int = 50
    via: Via = "process"
    course: Course = "shared"
    url: str = ""

    @property
    def variants(self) -> dict[str, float]:
        """Shares of the users."""
        return self.policy.variants if self.course == "shared" else {self.policy.arm: 1.0}

    @property
    def block(self) -> int:
        """Requests in a block."""
        return -(-self.n_requests // N_BLOCKS)

    @property
    def title(self) -> str:
        """For people."""
        return f"{self.setting.preset}, {self.policy.name}, seed {self.seed}"

    @property
    def key(self) -> str:
        """16 hex digits over everything that decides what is measured."""
        return _key("cell", dataclasses.asdict(self))


@dataclass(frozen=True, slots=True)
class Yardstick:
    """What choosers that need no learning reach in the world of the cells with the same seed, as long as they last.

    Attributes:
        n_passes: How many times that world is lived through by each chooser, with other users each time.
    """

    setting: Setting
    seed: int
    n_requests: int
    n_passes: int = 1

    @property
    def block(self) -> int:
        """Requests in a block, as in a cell."""
        return -(-self.n_requests // N_BLOCKS)

    @property
    def title(self) -> str:
        """For people."""
        return f"{self.setting.preset}, references, seed {self.seed}"

    @property
    def key(self) -> str:
        """16 hex digits over everything that decides what is measured."""
        return _key("yardstick", dataclasses.asdict(self))


Job = Cell | Yardstick


def cell_from(data: Mapping[str, Any]) -> Cell:
    """The cell whose ``dataclasses.asdict`` this is."""
    return Cell(**{**data, "setting": Setting(**data["setting"]), "policy": PolicyChoice(**data["policy"])})


def yardstick_from(data: Mapping[str, Any]) -> Yardstick:
    """The yardstick whose ``dataclasses.asdict`` this is."""
    return Yardstick(**{**data, "setting": Setting(**data["setting"])})


def _key(what: str, settings: Mapping[str, Any]) -> str:
    text = json.dumps({"what": what, "format": FORMAT, **settings}, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _yaml(text: str) -> Any:
    return yaml.load(text, Loader=_Yaml)


def _mapping(text: str) -> tuple[str, dict[str, Any]]:
    try:
        data = _yaml(text)
    except yaml.YAMLError as error:
        raise CellError(f"policy {text!r} is neither a name nor YAML: {error}") from None
    if not isinstance(data, dict) or set(data) - {"kind", "options"} or not isinstance(data.get("kind"), str):
        raise CellError(f'policy {text!r} must look like {{"kind": "vw", "options": {{"explorer": "bag"}}}}')
    options = data.get("options") or {}
    if not isinstance(options, dict):
        raise CellError(f"policy {text!r}: options={options!r} must be a mapping")
    return data["kind"], options


def _short(text: str) -> tuple[str, dict[str, Any]]:
    kind, mark, rest = text.strip().partition(":")
    parts = [part.strip() for part in rest.split(",")] if mark else []
    return kind, dict(parse_option(part if "=" in part else f"explorer={part}") for part in parts)
