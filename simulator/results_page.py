"""A page of results that several commands write, each its own section between two marks.

In: a section's name and text. Out: the page with that section replaced, or put at its end; all else stays as it is.
What was done to the page is told in a line, whichever command did it.
"""

from __future__ import annotations

import os
from pathlib import Path

from simulator.notices import Tell, on_stderr
from simulator.results import ResultsError

TITLE = "# Results\n\nEach section was written by the command it names; nothing in it was typed in.\n"


def write_section(path: Path, name: str, text: str, *, tell: Tell = on_stderr) -> Path:
    """Put a section into a page, which is made where there is none, and say which of these was done.

    Args:
        path: Of a Markdown file.
        name: The section stands between ``<!-- name -->`` and ``<!-- /name -->``.
        text: Markdown.
        tell: Told what was done to the page.

    Raises:
        ResultsError: the page can't be read or written, or has one mark without the other.
    """
    try:
        is_new = not path.exists()
        page = TITLE if is_new else path.read_text(encoding="utf-8")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(with_section(page, name, text), encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ResultsError(f"{path} can't be written: {error}; give another file with --write") from error
    except ValueError as error:
        raise ResultsError(f"{path}: {error}") from error
    done = f"section {name!r} {'replaced' if has_section(page, name) else 'added at its end'}"
    tell(f"{path}: page made, with section {name!r}" if is_new else f"{path}: {done}")
    return path


def require_page(path: Path, name: str, *, tell: Tell = on_stderr) -> None:
    """Find out before the work begins whether the section can be written.

    Args:
        path: As for ``write_section``.
        name: Of the section.
        tell: Told where page or section don't exist yet, which may be a slip of the pen.

    Raises:
        ResultsError: the page, or the folder it is to stand in, can't be read or written, or its marks are wrong.
    """
    cure = "give another file with --write"
    if not path.exists():
        _require_folder(path, cure)
        tell(f"{path} doesn't exist; it is made once everything is finished")
        return
    try:
        page = path.read_text(encoding="utf-8")
        with_section(page, name, "")
    except (OSError, UnicodeDecodeError) as error:
        raise ResultsError(f"{path} can't be read: {error}; {cure}") from error
    except ValueError as error:
        raise ResultsError(f"{path}: {error}") from error
    if not os.access(path, os.W_OK):
        raise ResultsError(f"{path} can't be written to; {cure}")
    if not has_section(page, name):
        tell(f"{path} has no section {name!r}; it is added at the end once everything is finished")


def _require_folder(path: Path, cure: str) -> None:
    """The nearest folder that exists must take what is to be made in it."""
    above = next(one for one in path.absolute().parents if one.exists())
    if not above.is_dir() or not os.access(above, os.W_OK):
        raise ResultsError(f"{path} can't be written: {above} is no folder that can be written to; {cure}")


def has_section(page: str, name: str) -> bool:
    """Whether a page that ``with_section`` takes would have a section replaced."""
    return f"<!-- {name} -->" in page


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
