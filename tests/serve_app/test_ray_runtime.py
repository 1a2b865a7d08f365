from __future__ import annotations

import random
import signal
import socket
from pathlib import Path

from serve_app.ray_runtime import (
    N_DIRECT_PORTS,
    environment,
    failed_start,
    free_ports,
    is_free,
    port_block,
    sigterm_kept,
)


def test_two_services_share_no_port_and_no_file(tmp_path: Path) -> None:
    found = []
    for name in ("a", "b"):
        folder = tmp_path / name
        folder.mkdir()
        found.append(
            environment(folder, host="127.0.0.1", is_direct=True, is_local=True, random_source=random.Random(name))
        )
    own = [name for name in found[0] if "PORT" in name or "PATH" in name or "LOC" in name or "FILE" in name]
    assert len(own) >= 12
    assert all(found[0][name] != found[1][name] for name in own)


def test_the_fast_path_sets_both_switches_and_the_plain_one_neither(tmp_path: Path) -> None:
    fast = environment(tmp_path, host="0.0.0.0", is_direct=True, is_local=True, random_source=random.Random(1))
    assert (fast["RAY_SERVE_ENABLE_HA_PROXY"], fast["RAY_SERVE_THROUGHPUT_OPTIMIZED"]) == ("1", "1")
    assert ' "*" "$@"' in Path(fast["RAY_SERVE_HAPROXY_BINARY_PATH"]).read_text()
    plain = environment(tmp_path, host="0.0.0.0", is_direct=False, is_local=False, random_source=random.Random(1))
    assert (plain["RAY_SERVE_ENABLE_HA_PROXY"], plain["RAY_SERVE_THROUGHPUT_OPTIMIZED"]) == ("0", "0")
    assert "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER" not in plain
    assert all("AUTH" not in name for name in (*fast, *plain)), "Ray's token authentication stays as it is"


def test_a_block_of_ports_avoids_taken_ones() -> None:
    start = port_block(random.Random(5))
    with socket.create_server(("127.0.0.1", start + 1)):
        assert not is_free("127.0.0.1", start + 1)
        other = port_block(random.Random(5))
    assert abs(other - start) >= N_DIRECT_PORTS


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


def test_a_first_try_that_failed_is_told_in_few_words() -> None:
    slow = Exception("The current node timed out during startup. This could happen because some of the raylet failed")
    assert failed_start("Ray can't be started here", slow) == "Ray didn't start in time"
    assert failed_start("Ray can't be started here", OSError("a long story")) == "Ray can't be started here (OSError)"
