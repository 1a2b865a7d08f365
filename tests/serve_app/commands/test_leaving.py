from __future__ import annotations

import os
import subprocess
import sys

import pytest

from serve_app.commands.leaving import status_of

BUFFERED = {**os.environ, "PYTHONUNBUFFERED": ""}

SCRIPT = """
import atexit, sys, types
from serve_app.commands.leaving import leave

class TornDown:
    def __del__(self):
        print("torn down")

kept = TornDown()
if "{module}":
    sys.modules["{module}"] = types.ModuleType("{module}")
atexit.register(print, "at exit")
sys.stdout.write("written, ")
leave(3)
"""


@pytest.mark.parametrize(("module", "printed"), [("ray", "written, at exit\n"), ("", "written, at exit\ntorn down\n")])
def test_what_python_has_to_do_is_done_and_where_ray_was_used_nothing_is_torn_down(module: str, printed: str) -> None:
    script = SCRIPT.format(module=module)
    ended = subprocess.run([sys.executable, "-c", script], env=BUFFERED, capture_output=True, text=True)
    assert (ended.returncode, ended.stdout, ended.stderr) == (3, printed, "")


def test_a_reader_that_has_gone_does_not_change_the_status() -> None:
    command = [sys.executable, "-c", SCRIPT.format(module="ray")]
    with subprocess.Popen(command, env=BUFFERED, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait() == 3


@pytest.mark.parametrize(
    ("code", "status", "printed"),
    [(None, 0, ""), (0, 0, ""), (2, 2, ""), (130, 130, ""), (True, 1, ""), ("a message", 1, "a message\n")],
)
def test_every_end_has_a_status_and_a_message_is_printed(
    code: int | str | None, status: int, printed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert status_of(SystemExit(code)) == status
    assert capsys.readouterr() == ("", printed)
