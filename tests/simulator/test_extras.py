from __future__ import annotations

import importlib
import importlib.util

import pytest

from simulator.extras import MissingExtraError, refuse_import_without, require_learners


@pytest.fixture
def without_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    load = importlib.import_module

    def refuse(name: str) -> object:
        if name == "torch":
            raise ImportError(name)
        return load(name)

    monkeypatch.setattr(importlib, "import_module", refuse)


@pytest.mark.usefixtures("without_torch")
def test_only_agents_need_what_they_learn_with() -> None:
    require_learners(["vw", "linear", "popularity"], "slateloop simulate")
    with pytest.raises(MissingExtraError, match=r"simulate with slateq needs torch, .* `make agents`"):
        require_learners(["vw", "slateq", "slateq"], "slateloop simulate")


def test_a_package_that_cannot_be_imported_names_the_extra() -> None:
    refuse_import_without(["json", "importlib"], "somebody")
    with pytest.raises(ImportError, match=r"somebody needs no_such_one, .* pip install 'slateloop\[rl\]'"):
        refuse_import_without(["json", "no_such_one"], "somebody")
