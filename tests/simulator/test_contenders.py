from __future__ import annotations

import pytest

from policies import linear_options, registry, vw_options
from simulator import bakeoff_report, contenders
from simulator.cells import CellError
from simulator.contenders import LEFT_OUT, YARDSTICKS, choices, everyone, of_situations, short_list


def test_the_short_list_has_every_kind_and_each_explorer_of_vw() -> None:
    names = short_list()
    assert {f"vw:{explorer}" for explorer in vw_options.EXPLORERS} <= set(names)
    learning = {kind for kind in registry.kinds() if not registry.is_static(kind)}
    assert {one.kind for one in choices(())} >= learning - LEFT_OUT.keys()
    assert names[:2] == YARDSTICKS


def test_a_kind_that_is_new_in_the_registry_enters_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = registry.kinds()
    monkeypatch.setattr(registry, "kinds", lambda: (*kinds, "newcomer"))
    assert short_list()[-1] == of_situations()[-1] == "newcomer"
    assert "newcomer" in everyone()


def test_a_kind_that_is_left_out_has_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = registry.kinds()
    monkeypatch.setattr(registry, "kinds", lambda: (*kinds, "newcomer"))
    monkeypatch.setattr(contenders, "LEFT_OUT", {"newcomer": "it learns from sessions only"})
    assert "newcomer" not in (*short_list(), *of_situations())
    assert bakeoff_report.left_out() == ["newcomer is left out: it learns from sessions only"]


def test_who_is_left_out_exists_and_learns() -> None:
    assert all(kind in registry.kinds() and not registry.is_static(kind) and why for kind, why in LEFT_OUT.items())


def test_everyone_is_every_explorer_every_model_and_every_static_policy() -> None:
    found = choices(("all",))
    assert {one.kind for one in found} == set(registry.kinds()) - LEFT_OUT.keys()
    assert {one.options.get("explorer") for one in found} >= {*vw_options.EXPLORERS, *linear_options.EXPLORERS}
    assert {one.options.get("model", "auto") for one in found} == set(linear_options.MODELS)
    assert set(short_list()) <= set(everyone())


def test_a_kind_alone_is_spelled_out() -> None:
    """So it is one contender with its explorer named, not two."""
    (linear, vw) = choices(("linear", "vw", f"vw:{vw_options.VwOptions().explorer}"))
    assert linear.options == {"explorer": linear_options.LinearOptions().explorer}
    assert vw.options == {"explorer": vw_options.VwOptions().explorer}


def test_who_is_in_the_matrix_is_measured_for_costs_under_the_same_name() -> None:
    names = {one.name for one in choices(())}
    assert {name for name in of_situations() if "forgetting" not in name} <= names


def test_a_wrong_name_is_refused() -> None:
    with pytest.raises(CellError, match="oracle"):
        choices(("oracle",))
