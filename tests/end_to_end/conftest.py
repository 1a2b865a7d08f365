from __future__ import annotations

import random

import pytest

from serve_app.ray_runtime import free_ports


@pytest.fixture(scope="module")
def free_port() -> int:
    return free_ports(1, random.SystemRandom())[0]
