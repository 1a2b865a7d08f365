from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from serve_app import haproxy
from serve_app.ray_runtime import haproxy_binary

CONFIG = """global
    log 127.0.0.1:514 local0 info
    stats socket /run/admin.sock mode 666 level admin expose-fd listeners
defaults
    mode http
    log global
    errorfile 502 /ray/500.http
    errorfile 503 /ray/500.http
frontend prometheus
    bind :9101
    mode http
    no log
frontend http_frontend
    bind 127.0.0.1:8000
    acl healthcheck path -i /-/healthz
    default_backend default_backend
backend default_backend
    http-request return status 404
listen stats
  bind *:8404
  stats enable
"""


def binds(config: str) -> list[str]:
    return [line.strip() for line in config.splitlines() if line.strip().startswith("bind")]


@pytest.mark.parametrize("host", ["127.0.0.1", "*", "10.1.2.3"])
def test_only_the_service_listens_where_it_is_told(host: str, tmp_path: Path) -> None:
    config = haproxy.rewritten(CONFIG, host=host, folder=tmp_path)
    assert binds(config) == [f"bind {host}:8000"]
    assert "stats enable" not in config
    other = haproxy.rewritten("frontend grpc_frontend\n    bind *:9000\n", host=host, folder=tmp_path)
    assert binds(other) == ["bind 127.0.0.1:9000"]


def test_rewriting_twice_changes_nothing_more(tmp_path: Path) -> None:
    once = haproxy.rewritten(CONFIG, host="*", folder=tmp_path)
    assert haproxy.rewritten(once, host="*", folder=tmp_path) == once


def test_refusals_are_problems_and_no_request_is_sent_to_a_syslog(tmp_path: Path) -> None:
    haproxy.install(tmp_path, binary="/bin/true", host="*")
    config = haproxy.rewritten(CONFIG, host="*", folder=tmp_path)
    assert "local0" not in config
    assert "/ray/500.http" not in config
    files = [Path(line.split()[2]) for line in config.splitlines() if line.strip().startswith("errorfile")]
    assert len(files) == 4
    for file in files:
        head, _, body = file.read_bytes().partition(b"\r\n\r\n")
        assert b"application/problem+json" in head
        assert f"Content-Length: {len(body)}".encode() in head
        problem = json.loads(body)
        assert f" {problem['status']} ".encode() in head
        assert problem["cure"]


def test_the_wrapper_rewrites_the_file_and_becomes_the_binary(tmp_path: Path) -> None:
    config = tmp_path / "haproxy.cfg"
    config.write_text(CONFIG)
    wrapper = haproxy.install(tmp_path, binary="/bin/echo", host="127.0.0.1")
    process = subprocess.Popen([wrapper, "-db", "-f", config, "-sf", "7"], stdout=subprocess.PIPE, text=True)
    assert process.communicate()[0] == f"-db -f {config} -sf 7\n"
    assert config.read_text() == haproxy.rewritten(CONFIG, host="127.0.0.1", folder=tmp_path)
    assert os.access(wrapper, os.X_OK)


@pytest.mark.skipif(sys.platform != "linux", reason="the bundled HAProxy is for Linux")
def test_the_real_haproxy_takes_what_was_written(tmp_path: Path) -> None:
    binary = haproxy_binary()
    assert binary is not None
    config = tmp_path / "haproxy.cfg"
    config.write_text(CONFIG.replace("/run", str(tmp_path)))
    wrapper = haproxy.install(tmp_path, binary=binary, host="127.0.0.1")
    done = subprocess.run([wrapper, "-c", "-f", config], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
