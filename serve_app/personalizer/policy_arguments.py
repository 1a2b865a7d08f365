"""Learning policies: the command-line arguments the dialects write them in, as our policy settings, and back.

In: ``--cb_explore_adf --epsilon 0.2 --power_t 0 -l 0.001 --cb_type mtr -q ::``. Out: ``PolicySettings``. What
exploration there is beside the explorer's own is the configuration's ``explorationPercentage``, which has always
overridden ``--epsilon``. A policy that no such arguments can say is written after ``--slateloop``, as JSON.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from agent.loops import LoopSettings, PolicySettings
from policies import registry
from policies.vw_options import NAMESPACES
from serve_app.personalizer.errors import AzureError

DEFAULT_NAME = "default"
NAME_CHARS, ARGUMENTS_CHARS = 256, 1024
NO_ALGORITHM = "The learning policy must contain --cb_explore_adf or --cats."
OWN = "--slateloop"

EVERYTHING = ("cc", "ca", "aa")
"""What ``-q`` becomes: context and action features, each crossed with itself and with the other."""

_ALGORITHMS = ("--cb_explore_adf", "--ccb_explore_adf")
_EXPLORERS = {"--bag": "bag", "--squarecb": "squarecb", "--softmax": "softmax"}
_NUMBERS = {
    "-l": "learning_rate",
    "--learning_rate": "learning_rate",
    "--power_t": "power_t",
    "--l2": "l2",
    "--gamma_scale": "gamma_scale",
    "--gamma_exponent": "gamma_exponent",
    "--lambda": "lambda",
}
_WHOLES = {"-b": "bits", "--bit_precision": "bits", "--bag": "bag"}
_PASSED_OVER = {"--random_seed", "--cb_min_cost", "--cb_max_cost", "--epsilon"}


def policy_of(arguments: str) -> PolicySettings:
    """The policy that arguments ask for.

    Raises:
        AzureError: they ask for something that can't be had here, or for nothing.
    """
    if len(arguments) > ARGUMENTS_CHARS:
        raise _wrong(f"Arguments have at most {ARGUMENTS_CHARS} characters.")
    words = _split(arguments)
    if "--cats" in words:
        raise _wrong("Continuous actions (--cats) are not available in Slateloop.")
    if not any(algorithm in words for algorithm in _ALGORITHMS):
        raise _wrong(NO_ALGORITHM)
    policy = _own(words) if OWN in words else PolicySettings(kind="vw", options=_options(iter(words)))
    problems = registry.problems(policy.kind, policy.options)
    if problems:
        raise _wrong("; ".join(problems))
    return policy


def arguments_of(settings: LoopSettings) -> str:
    """The loop's policy as arguments: as a client sent them while they still say what is learned."""
    sent = settings.personalizer.policy_arguments
    if sent and _says(sent, settings.policy):
        return sent
    return f"{_ALGORITHMS[0]} {OWN} {shlex.quote(settings.policy.model_dump_json())}"


def _says(arguments: str, policy: PolicySettings) -> bool:
    try:
        return policy_of(arguments) == policy
    except AzureError:
        return False


def _split(arguments: str) -> list[str]:
    try:
        words = shlex.split(arguments)
    except ValueError as error:
        raise _wrong(f"The arguments can't be read: {error}.") from None
    return [part for word in words for part in _apart(word)]


def _apart(word: str) -> list[str]:
    """``--epsilon=0.2`` as two words."""
    name, equals, value = word.partition("=")
    return [name, value] if equals and name.startswith("--") else [word]


def _own(words: list[str]) -> PolicySettings:
    place = words.index(OWN) + 1
    try:
        return PolicySettings.model_validate_json(words[place] if place < len(words) else "")
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "its JSON"
        raise _wrong(f"{OWN} needs a policy as JSON, with kind and options; {field}: {first['msg']}.") from None


def _options(words: Iterator[str]) -> dict[str, Any]:
    options: dict[str, Any] = {"explorer": "epsilon"}
    crossed: dict[str, None] = {}
    for word in words:
        if word in _EXPLORERS:
            options["explorer"] = _EXPLORERS[word]
        if word in _NUMBERS:
            options[_NUMBERS[word]] = _number(word, next(words, ""))
        elif word in _WHOLES:
            options[_WHOLES[word]] = _whole(word, next(words, ""))
        elif word == "--cb_type":
            options["cb_type"] = next(words, "")
        elif word in ("-q", "--quadratic", "--interactions", "--cubic"):
            crossed |= dict.fromkeys(_crossed(word, next(words, "")))
        elif word in _PASSED_OVER:
            _number(word, next(words, ""))
        elif word not in _EXPLORERS and word not in _ALGORITHMS:
            raise _wrong(f"{word} is not available in Slateloop; leave it out.")
    options["interactions"] = list(crossed)
    if options["explorer"] in ("epsilon", "bag"):
        options["epsilon"] = 0.0
    return options


def _crossed(word: str, letters: str) -> tuple[str, ...]:
    """``--interactions`` may name our own namespaces; other letters mean the client's, which stand in one of them."""
    if not 2 <= len(letters) <= 3:
        raise _wrong(f"{word} needs two or three namespaces, not {letters!r:.20}.")
    if word == "--interactions" and set(letters) <= NAMESPACES.keys():
        return (letters,)
    return EVERYTHING


def _number(word: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise _wrong(f"{word} needs a number, not {text!r:.20}.") from None


def _whole(word: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise _wrong(f"{word} needs a whole number, not {text!r:.20}.")
    return int(text)


def _wrong(message: str) -> AzureError:
    return AzureError(400, "InvalidPolicyConfiguration", message, target="arguments")
