"""A guess at what a misspelt world or option was to be, for errors that list what there is.

In: the name as it was written, and the known ones. Out: words for the end of a message. As in
``policies/spelling.py``, which worlds may not know of.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def meant(word: object, known: Iterable[str]) -> str:
    """`` (did you mean linear?)``, to stand behind the list of what there is; "" where nothing known is like it."""
    near = difflib.get_close_matches(str(word).lower(), tuple(known), n=1)
    return f" (did you mean {near[0]}?)" if near else ""
