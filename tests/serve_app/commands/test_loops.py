from __future__ import annotations

import json

from tests.test_slateloop import KEY, run, serving


def test_a_log_is_deleted_after_a_yes() -> None:
    answer = {"deleted": 1200, "first": "17-0", "why": ""}
    fake = serving("DELETE", "/v1/loops/home/log", answer)
    assert (
        "1,200 entries deleted; the log begins at 17-0"
        in run(fake, "loops", "delete-log", "home", "--yes", *KEY).stdout
    )
    fake = serving("DELETE", "/v1/loops/home/log", answer)
    assert json.loads(run(fake, "loops", "delete-log", "home", "--yes", *KEY, "--json").stdout) == answer
    fake = serving("DELETE", "/v1/loops/home/log", answer)
    assert run(fake, "loops", "delete-log", "home", *KEY).exit_code == 1
    assert fake.http.asked() == []
    assert "Example: slateloop loops delete-log" in run(fake, "loops", "delete-log", "--help").stdout
