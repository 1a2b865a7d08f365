from __future__ import annotations

import json

import pytest

from agent.loops import LoopSettings, PolicySettings
from tests.serve_app.fake_http import FakeHttp, not_there_yet, problem
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
    assert (
        "loop home (settings version 3, slateq): no snapshot served yet: the order of the actions is served"
        in told.stdout
    )


SAME: dict[str, object] = {"share": 0.08, "n_decisions": 400, "reward_per_slot": 0.0, "interval_95": None}
VARIED: dict[str, object] = {"share": 0.9, "n_decisions": 900, "reward_per_slot": 0.25, "interval_95": [0.2, 0.3]}
FEW: dict[str, object] = {"share": 0.08, "n_decisions": 2, "reward_per_slot": 0.5, "interval_95": None}
LOSING: dict[str, object] = {"share": 0.08, "n_decisions": 90, "reward_per_slot": -0.5, "interval_95": [-0.6, -0.4]}
NONE: dict[str, object] = {"share": 0.08, "n_decisions": 0}


@pytest.mark.parametrize(
    ("control", "lift", "cells"),
    [
        (VARIED, {"value": 0.157, "interval_95": [0.1, 0.21]}, ["0.200 to 0.300", "+15.7% (+10.0% to +21.0%)"]),
        (VARIED, {"value": 0.157, "interval_95": [None, 0.21]}, ["0.200 to 0.300", "+15.7% (– to +21.0%)"]),
        (VARIED, {"value": 0.157}, ["0.200 to 0.300", "+15.7%"]),
        (FEW, None, ["too few", "too few"]),
        (SAME, None, ["all equal", "all equal"]),
        (NONE, None, ["–", "too few"]),
        (LOSING, None, ["-0.600 to -0.400", "–"]),
    ],
)
def test_a_lift_is_told_with_its_interval_or_not_at_all(
    control: dict[str, object], lift: dict[str, object] | None, cells: list[str]
) -> None:
    status = {
        "loop": "home",
        "settings_version": 3,
        "variants": {"learned": VARIED, "order": control},
        "lift": {"order": lift},
    }
    told = run(serving("GET", "/v1/loops/home/status", status), "loops", "status", "home", *KEY).stdout
    (row,) = [line for line in told.splitlines() if "order " in line and "%" in line and "│" in line]
    assert [cell.strip() for cell in row.strip("│ ").split("│")][-2:] == cells


def test_counts_of_one_are_written_as_one() -> None:
    waits = {"n_sessions": 1, "n_open": 1, "n_finished": 1, "n_block": 256, "n_blocks": 1, "n_early": 1}
    status = {"loop": "home", "settings_version": 3, "learner": {"n_behind": 1}, "backlog": waits}
    told = run(
        serving("GET", "/v1/loops/home/status", {**status, "log": {"n_entries": 1}}), "loops", "status", "home", *KEY
    )
    for part in ("1 entry behind", "log 1 entry", "1 block learned", "; 1 step in open", "; 1 lesson waits for"):
        assert part in " ".join(told.stdout.split())
    kept = [{"version": f"v{number}"} for number in range(6)]
    found = run(serving("GET", "/v1/loops/home/snapshots", {"snapshots": kept}), "loops", "rollback", "home", *KEY)
    assert "and 1 older one, see" in " ".join(found.stderr.split())


def test_a_loop_that_is_none_is_told_how_the_command_line_makes_one() -> None:
    refusal = problem(404, detail="there is no such loop", field="loop")
    told = " ".join(run(FakeOutside(FakeHttp(refusal)), "loops", "status", "hme", *KEY).stderr.split())
    assert "`slateloop loops apply FILE --loop NAME` or `slateloop train --publish NAME` makes one" in told


def test_rollbacks_help_says_what_it_does_without_a_version() -> None:
    told = " ".join(run(FakeOutside(), "loops", "rollback", "--help").stdout.split())
    assert "Without VERSION it changes nothing and names the newest versions" in told


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


@pytest.mark.parametrize(
    ("learner", "told"),
    [
        ({"alive": True, "state": "alive"}, "learner alive, "),
        ({"state": "starting"}, "learner starting, "),
        ({"state": "waiting"}, "learner waiting for the first event, "),
        ({"state": "stopped"}, "learner NOT alive, "),
        ({"alive": True}, "learner alive, "),
        ({}, "learner NOT alive, "),
    ],
)
def test_status_tells_a_learner_that_starts_from_one_that_is_missing(learner: dict[str, object], told: str) -> None:
    status = {"loop": "home", "settings_version": 3, "learner": {"n_behind": 0, **learner}}
    fake = serving("GET", "/v1/loops/home/status", status)
    assert told in run(fake, "loops", "status", "home", *KEY).stdout


def test_status_tells_how_many_orphans_came_lately() -> None:
    status = {"loop": "home", "settings_version": 3, "experiences": {"orphan": 1200}, "orphans": {"n": 1200}}
    told = run(serving("GET", "/v1/loops/home/status", status), "loops", "status", "home", *KEY).stdout
    assert "orphan 1,200, refused" in told
    lately = {**status, "orphans": {"n": 1200, "n_lately": 7}}
    told = run(serving("GET", "/v1/loops/home/status", lately), "loops", "status", "home", *KEY).stdout
    assert "orphan 1,200 (7 lately), refused" in told


def test_a_rollback_without_a_version_names_the_newest_ones() -> None:
    kept = [{"version": f"abc-{number}-f", "published_at": 60.0 * number} for number in range(9, 0, -1)]
    fake = serving("GET", "/v1/loops/home/snapshots", {"snapshots": kept})
    found = run(fake, "loops", "rollback", "home", *KEY)
    assert found.exit_code == 2
    told = " ".join(found.stderr.split())
    assert "VERSION is missing; name one of these, newest first: abc-9-f (of 1970-01-01 00:09:00+00:00), abc-8" in told
    assert "abc-5-f" in told
    assert "abc-4-f" not in told
    assert "4 older ones, see `slateloop loops snapshots home`" in told
    assert fake.http.asked() == [("GET", "/v1/loops/home/snapshots")]


def test_a_rollback_of_a_loop_without_snapshots_says_so() -> None:
    found = run(serving("GET", "/v1/loops/home/snapshots", {"snapshots": []}), "loops", "rollback", "home", *KEY)
    assert found.exit_code == 2
    assert "loop home has no snapshot yet to roll back to" in " ".join(found.stderr.split())
