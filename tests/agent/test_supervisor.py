"""What of the actors can be told without Ray; the actors themselves are in tests/end_to_end."""

from __future__ import annotations

import re

from agent.supervisor import namespace_of


def test_each_datastore_has_a_namespace_of_its_own() -> None:
    one, other = namespace_of("redis://127.0.0.1:6379/0"), namespace_of("redis://127.0.0.1:6379/1")
    assert one == namespace_of("redis://127.0.0.1:6379/0") != other
    assert re.fullmatch(r"slateloop-[0-9a-f]{8}", one)
