from __future__ import annotations

from pathlib import Path

import pytest

from simulator.results import ResultsError
from simulator.results_page import TITLE, require_page, with_section, write_section

PAGE = "# Results\n\nWords of ours.\n\n<!-- one -->\n\nold\n\n<!-- /one -->\n\nMore words.\n"


def test_a_section_is_replaced_and_all_else_stays() -> None:
    assert with_section(PAGE, "one", "new\n") == PAGE.replace("old", "new")


def test_a_new_section_goes_to_the_end() -> None:
    page = with_section(PAGE, "two", "second")
    assert page.startswith(PAGE.rstrip())
    assert page.endswith("<!-- two -->\n\nsecond\n\n<!-- /two -->\n")
    assert with_section(page, "two", "third").count("<!-- two -->") == 1


@pytest.mark.parametrize(
    "page",
    ["<!-- one -->\n", "<!-- /one -->\n", "<!-- /one --> <!-- one -->", "<!-- one --> <!-- /one --> <!-- one -->"],
)
def test_broken_marks_are_told_and_nothing_is_written(tmp_path: Path, page: str) -> None:
    path = tmp_path / "page.md"
    path.write_text(page, encoding="utf-8")
    with pytest.raises(ResultsError, match=r"page\.md: must have <!-- one --> and then <!-- /one -->, once each"):
        write_section(path, "one", "new")
    assert path.read_text(encoding="utf-8") == page


def test_a_page_is_made_with_its_folder(tmp_path: Path) -> None:
    path = write_section(tmp_path / "docs" / "results.md", "one", "first")
    assert path.read_text(encoding="utf-8") == TITLE + "\n<!-- one -->\n\nfirst\n\n<!-- /one -->\n"


def test_what_was_done_to_the_page_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.md"
    for name in ("one", "two", "one"):
        write_section(page, name, "text")
    heard = capsys.readouterr()
    assert heard.err.splitlines() == [
        f"{page}: page made, with section 'one'",
        f"{page}: section 'two' added at its end",
        f"{page}: section 'one' replaced",
    ]
    assert heard.out == ""


def test_a_page_that_can_t_be_written_says_so(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match="give another file with --write"):
        write_section(tmp_path, "one", "text", tell=pytest.fail)


def test_a_page_that_cannot_be_written_is_told_beforehand(tmp_path: Path) -> None:
    page, told = tmp_path / "page.md", list[str]()
    page.write_text(PAGE, encoding="utf-8")
    require_page(page, "one", tell=told.append)
    assert told == []
    require_page(page, "two", tell=told.append)
    assert told == [f"{page} has no section 'two'; it is added at the end once everything is finished"]
    assert page.read_text(encoding="utf-8") == PAGE
    require_page(tmp_path / "new" / "page.md", "one", tell=told.append)
    assert [line.partition(";")[0] for line in told[1:]] == [f"{tmp_path / 'new' / 'page.md'} doesn't exist"]
    assert not (tmp_path / "new").exists()
    page.write_text("<!-- one -->", encoding="utf-8")
    for path, problem in ((page, "put the marks right"), (tmp_path, "--write"), (page / "x.md", "--write")):
        with pytest.raises(ResultsError, match=problem):
            require_page(path, "one", tell=told.append)
