"""One Ray for the tests of this folder, in a folder and a namespace of its own; worlds are encoded in little time."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator

import pytest
import ray

from simulator import encoded_world


@pytest.fixture(scope="package", autouse=True)
def _local_ray() -> Iterator[None]:
    folder = tempfile.mkdtemp(prefix="sl-", dir="/tmp")  # Ray's socket names leave no room for a longer one
    ray.init(
        num_cpus=4,  # as Ray counts: two runners and who asks them
        include_dashboard=False,
        object_store_memory=100 * 2**20,
        log_to_driver=False,
        namespace="test-rllib",
        _temp_dir=folder,
    )
    try:
        yield
    finally:
        ray.shutdown()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(autouse=True)
def _few_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoded_world, "N_STEPS", 300)
