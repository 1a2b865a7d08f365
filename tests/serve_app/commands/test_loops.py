from __future__ import annotations

import json

from agent.loops import LoopSettings, PolicySettings
from tests.serve_app.fake_http import FakeHttp, not_there_yet
from tests.test_slateloop import KEY, FakeOutside, run, serving


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


def test_versions_tell_which_agent_each_begins_with() -> None:
    policies = [PolicySettings(), *(PolicySettings(kind="slateq", start=f"sha256:{digit * 64}") for digit in "12")]
    versions = [
        {"loop": "home", "version": number, "learning_hash": "abc", "settings": json.loads(settings.to_json())}
        for number, settings in enumerate((LoopSettings(policy=policy) for policy in policies), 1)
    ]
    told = run(serving("GET", "/v1/loops/home/versions", {"versions": versions}), "loops", "versions", "home", *KEY)
    assert all(part in told.stdout for part in ("linear", "slateq from 11111111", "slateq from 22222222"))


def test_status_names_the_policy_that_is_wanted() -> None:
    status = {"loop": "home", "settings_version": 3, "policy": "slateq"}
    told = run(serving("GET", "/v1/loops/home/status", status), "loops", "status", "home", *KEY)
    assert "loop home (settings version 3, slateq): nothing served yet" in told.stdout


def test_status_tells_what_waits_for_a_block() -> None:
    waits = {"n_sessions": 2, "n_open": 1120, "n_finished": 7, "n_block": 256, "n_blocks": 3, "n_early": 0}
    status = {"loop": "home", "settings_version": 3, "policy": "slateq", "backlog": waits}
    told = run(serving("GET", "/v1/loops/home/status", status), "loops", "status", "home", *KEY).stdout
    expected = "nets: 3 blocks learned; next block 7 of 256 finished steps; 1,120 steps in open sessions (2)"
    assert expected in " ".join(told.split())
    other = run(serving("GET", "/v1/loops/home/status", {**status, "backlog": None}), "loops", "status", "home", *KEY)
    assert "nets:" not in other.stdout


def test_a_command_says_that_the_service_is_still_starting() -> None:
    fake = FakeOutside(FakeHttp(not_there_yet()))
    told = run(fake, "loops", "list", *KEY)
    assert told.exit_code == 1
    assert "still starting" in " ".join(told.output.split())
