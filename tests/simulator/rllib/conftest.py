"""One Ray for the tests of this folder, in a folder and a namespace of its own; worlds are encoded in little time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from simulator import encoded_world
from tests.local_ray import local_ray


@pytest.fixture(scope="package", autouse=True)
def _local_ray() -> Iterator[None]:
    with local_ray("test-rllib", n_cpus=4):  # as Ray counts: two runners and who asks them
        yield


@pytest.fixture(autouse=True)
def _few_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoded_world, "N_STEPS", 300)
