from __future__ import annotations

import random
import signal
import socket
from itertools import pairwise
from pathlib import Path

from serve_app.ray_runtime import (
    N_DIRECT_PORTS,
    environment,
    free_ports,
    is_free,
    port_blocks,
    sigterm_kept,
)


def wanted(
    folder: Path, seed: int, *, host: str = "127.0.0.1", port: int = 8000, is_direct: bool = True, is_local: bool = True
) -> dict[str, str]:
    source = random.Random(seed)
    return environment(folder, host=host, port=port, is_direct=is_direct, is_local=is_local, random_source=source)


def test_two_services_share_no_port_and_no_file(tmp_path: Path) -> None:
    found = []
    for seed, name in enumerate(("a", "b")):
        folder = tmp_path / name
        folder.mkdir()
        found.append(wanted(folder, seed))
    own = [name for name in found[0] if "PORT" in name or "PATH" in name or "LOC" in name or "FILE" in name]
    assert len(own) == 11
    assert all(found[0][name] != found[1][name] for name in own)


def test_the_fast_path_sets_both_switches_and_the_plain_one_neither(tmp_path: Path) -> None:
    fast = wanted(tmp_path, 1, host="0.0.0.0")
    assert (fast["RAY_SERVE_ENABLE_HA_PROXY"], fast["RAY_SERVE_THROUGHPUT_OPTIMIZED"]) == ("1", "1")
    assert ' "*" "$@"' in Path(fast["RAY_SERVE_HAPROXY_BINARY_PATH"]).read_text()
    plain = wanted(tmp_path, 1, host="0.0.0.0", is_direct=False, is_local=False)
    assert (plain["RAY_SERVE_ENABLE_HA_PROXY"], plain["RAY_SERVE_THROUGHPUT_OPTIMIZED"]) == ("0", "0")
    assert "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER" not in plain
    assert all("AUTH" not in name for name in (*fast, *plain)), "Ray's token authentication stays as it is"


def test_a_block_of_ports_avoids_taken_ones() -> None:
    [start] = port_blocks(1, random.Random(5))
    with socket.create_server(("127.0.0.1", start + 1)):
        assert not is_free("127.0.0.1", start + 1)
        others = port_blocks(2, random.Random(5))
    starts = sorted([start, *others])
    assert all(b - a >= N_DIRECT_PORTS for a, b in pairwise(starts))


def test_the_services_own_port_is_used_for_nothing_else(tmp_path: Path) -> None:
    def ports(own: int) -> list[int]:
        return sorted(int(value) for name, value in wanted(tmp_path, 7, port=own).items() if name.endswith("_PORT"))

    without = ports(8000)
    assert len(without) == 6
    for own in without:
        first, last, first_of_next, last_of_next, *single = ports(own)
        assert own not in {*range(first, last + 1), *range(first_of_next, last_of_next + 1), *single}


def test_free_ports_are_distinct_and_none_that_a_connection_may_get() -> None:
    ports = free_ports(20, random.Random(5))
    assert len(set(ports)) == 20
    assert max(ports) < 32_768
    with socket.create_server(("127.0.0.1", ports[0])):
        assert ports[0] not in free_ports(20, random.Random(5))


def test_what_sigterm_does_outlives_a_start() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with sigterm_kept():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    assert signal.getsignal(signal.SIGTERM) == before
