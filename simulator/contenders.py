"""Who may enter a bake-off: policies with each of their explorers and models, and the short list that enters unasked.

In: the registry's kinds and their options. Out: ``PolicyChoice``s. What a loop gets that names a kind alone is spelled
out, so that a table never hides which explorer it was. A kind that is new in the registry enters by itself, as a loop
gets it that names it alone, unless ``LEFT_OUT`` says why it doesn't.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from policies import linear_options, registry, vw_options
from simulator.cells import PolicyChoice, parse_policy

ALL = "all"
YARDSTICKS = ("uniform", "popularity")
FORGETFUL = "linear:{explorer},forgetting=0.999"

LEFT_OUT: Mapping[str, str] = {
    "slateq": "plans over a session, and is trained in a world first; `slateloop train` compares it",
    "gradient": "plans over a session, and is trained in a world first; `slateloop train` compares it",
}
"""Kind that learns → why it doesn't enter unasked; the page says so."""

SPELLED = ("linear", "vw")
"""Kinds whose explorers enter one by one."""

VW_DEFAULT, LINEAR_DEFAULT = vw_options.VwOptions().explorer, linear_options.LinearOptions().explorer


def short_list() -> tuple[str, ...]:
    """Two that learn nothing of their own, then each kind, with the explorers worth a look, its default first."""
    return (
        *YARDSTICKS,
        *(f"linear:{explorer}" for explorer in _first(LINEAR_DEFAULT, ("randucb", "thompson", "squarecb"))),
        *(f"vw:{explorer}" for explorer in _first(VW_DEFAULT, tuple(vw_options.EXPLORERS))),
        *_others(),
    )


def everyone() -> tuple[str, ...]:
    """The short list, every other explorer and model, and every policy that learns nothing of its own."""
    others = (
        *(f"linear:{explorer}" for explorer in linear_options.EXPLORERS),
        *(f"linear:model={model}" for model in linear_options.MODELS if model != linear_options.LinearOptions().model),
        forgetful(),
        *(kind for kind in registry.kinds() if registry.is_static(kind)),
    )
    return tuple(dict.fromkeys((*short_list(), *others)))


def of_situations() -> tuple[str, ...]:
    """Who is compared in the decision matrix: each kind as a loop gets it unasked, one that forgets, and popularity."""
    return "popularity", f"linear:{LINEAR_DEFAULT}", forgetful(), f"vw:{VW_DEFAULT}", *_others()


def forgetful() -> str:
    """The linear default that remembers about a thousand lessons."""
    return FORGETFUL.format(explorer=LINEAR_DEFAULT)


def choices(names: Sequence[str]) -> tuple[PolicyChoice, ...]:
    """The contenders of these names, each once; no name is the short list, ``all`` is everyone.

    Raises:
        CellError: a name is no policy.
    """
    return tuple(parse_policy(name) for name in dict.fromkeys(_spelled(names or short_list())))


def _others() -> tuple[str, ...]:
    """Kinds that learn, as the registry has them."""
    learning = (kind for kind in registry.kinds() if not registry.is_static(kind))
    return tuple(kind for kind in learning if kind not in SPELLED and kind not in LEFT_OUT)


def _spelled(names: Sequence[str]) -> Iterator[str]:
    for name in names:
        yield from everyone() if name == ALL else (_explicit(name.strip()),)


def _explicit(name: str) -> str:
    return {"vw": f"vw:{VW_DEFAULT}", "linear": f"linear:{LINEAR_DEFAULT}"}.get(name, name)


def _first(default: str, explorers: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((default, *explorers)))
