from __future__ import annotations

import pytest

from simulator.notices import on_stderr


def test_a_line_is_told_beside_the_results(capsys: pytest.CaptureFixture[str]) -> None:
    on_stderr("a [bold] page, 3 sections")
    assert capsys.readouterr() == ("", "a [bold] page, 3 sections\n")
