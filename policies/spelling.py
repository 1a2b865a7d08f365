"""A guess at what a misspelt name was to be, for errors that list what there is.

In: the name as it was written, and the known ones. Out: words for the end of a message. Policies, loops, the service
and experiments ask here; worlds, which know nothing of the rest, have ``envs/spelling.py``.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable


def meant(word: object, known: Iterable[str], *, written: Callable[[str], str] = str) -> str:
    """`` (did you mean linear?)``, to stand behind the list of what there is; "" where nothing known is like it.

    Args:
        word: As it was written.
        known: What there is.
        written: How one of these is to be written where the word stood.
    """
    near = difflib.get_close_matches(str(word).lower(), tuple(known), n=1)
    return f" (did you mean {written(near[0])}?)" if near else ""
