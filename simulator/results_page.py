"""A page of results that several commands write, each its own section between two marks.

In: a section's name and text. Out: the page with that section replaced, or put at its end; all else stays as it is.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from simulator.results import ResultsError

TITLE = "# Results\n\nEach section was written by the command it names; nothing in it was typed in.\n"


def write_section(path: Path, name: str, text: str) -> Path:
    """Put a section into a page, which is made where there is none.

    Args:
        path: Of a Markdown file.
        name: The section stands between ``<!-- name -->`` and ``<!-- /name -->``.
        text: Markdown.

    Raises:
        ResultsError: the page can't be read or written, or has one mark without the other.
    """
    try:
        page = path.read_text(encoding="utf-8") if path.exists() else TITLE
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(with_section(page, name, text), encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ResultsError(f"{path} can't be written: {error}; give another file with --write") from error
    except ValueError as error:
        raise ResultsError(f"{path}: {error}") from error
    return path


def require_page(path: Path, name: str, *, tell: Callable[[str], object]) -> None:
    """Find out before the work begins whether the section can be written.

    Args:
        path: As for ``write_section``.
        name: Of the section.
        tell: Told where the page doesn't exist yet, which may be a slip of the pen.

    Raises:
        ResultsError: the page, or the folder it is to stand in, can't be read or written, or its marks are wrong.
    """
    cure = "give another file with --write"
    if not path.exists():
        _require_folder(path, cure)
        tell(f"{path} doesn't exist; it is made once everything is finished")
        return
    try:
        with_section(path.read_text(encoding="utf-8"), name, "")
    except (OSError, UnicodeDecodeError) as error:
        raise ResultsError(f"{path} can't be read: {error}; {cure}") from error
    except ValueError as error:
        raise ResultsError(f"{path}: {error}") from error
    if not os.access(path, os.W_OK):
        raise ResultsError(f"{path} can't be written to; {cure}")


def _require_folder(path: Path, cure: str) -> None:
    """The nearest folder that exists must take what is to be made in it."""
    above = next(one for one in path.absolute().parents if one.exists())
    if not above.is_dir() or not os.access(above, os.W_OK):
        raise ResultsError(f"{path} can't be written: {above} is no folder that can be written to; {cure}")


def with_section(page: str, name: str, text: str) -> str:
    """The page with this section.

    Raises:
        ValueError: marks are missing, double or in the wrong order; the message says which.
    """
    start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    section = f"{start}\n\n{text.strip()}\n\n{end}"
    if start not in page and end not in page:
        return f"{page.rstrip()}\n\n{section}\n"
    before, _, rest = page.partition(start)
    _, mark, after = rest.partition(end)
    if page.count(start) != 1 or page.count(end) != 1 or not mark:
        raise ValueError(f"must have {start} and then {end}, once each; put the marks right, or remove them")
    return f"{before}{section}{after}"
