"""A small Ray of a test's own, on loopback and in a folder of its own."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import ray


@contextmanager
def local_ray(namespace: str, *, n_cpus: int) -> Iterator[None]:
    """Started for a while, and gone with its folder afterwards."""
    folder = tempfile.mkdtemp(prefix="sl-", dir="/tmp")  # Ray's socket names leave no room for a longer one
    ray.init(
        "local",
        num_cpus=n_cpus,
        include_dashboard=False,
        object_store_memory=100 * 2**20,
        log_to_driver=False,
        namespace=namespace,
        _temp_dir=folder,
    )
    try:
        yield
    finally:
        ray.shutdown()
        shutil.rmtree(folder, ignore_errors=True)
