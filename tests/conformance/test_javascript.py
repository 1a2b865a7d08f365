"""Both JavaScript packages against the running service; ``make conformance`` runs them where Node.js is installed.

They are installed by npm into a folder of the test's own. ``isUnexpected`` of the newer package is wrong on every path
with a parameter, so statuses are what counts.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.conftest import Live

pytestmark = [
    pytest.mark.end_to_end,
    pytest.mark.slow,
    pytest.mark.timeout(400),
    pytest.mark.skipif(os.environ.get("CONFORMANCE_JAVASCRIPT") != "1", reason="`make conformance` runs these"),
    pytest.mark.skipif(not (shutil.which("node") and shutil.which("npm")), reason="node or npm is not installed"),
]

SCRIPTS = Path(__file__).parent / "javascript"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("javascript")
    for script in SCRIPTS.iterdir():
        shutil.copy(script, place)
    npm = ["npm", "install", "--no-audit", "--no-fund", "--no-save", "--no-package-lock"]
    done = subprocess.run(npm, cwd=place, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode:
        pytest.skip(f"npm could not install the packages: {done.stderr[-500:]}")
    return place


def run(folder: Path, script: str, live: Live, key: str) -> Any:
    done = subprocess.run(
        ["node", script, live.url, key], cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


def test_the_ga_package(folder: Path, live: Live, fresh_key: Callable[..., str]) -> None:
    found = run(folder, "ga.js", live, fresh_key())
    statuses = {name: one["status"] for name, one in found.items()}
    assert statuses == {"rank": 201, "deferred": 201, "reward": 204, "activate": 204, "empty": 400, "stranger": 401}
    body = found["rank"]["body"]
    assert (body["eventId"], body["ranking"][0]) == ("js 1/x", {"id": "tea", "probability": 0})
    assert body["rewardActionId"] == body["ranking"][1]["id"]
    assert found["empty"]["body"]["error"]["code"] == "InvalidRankRequest"
    assert found["stranger"]["body"]["error"]["code"] == "401"


def test_the_beta_package(folder: Path, live: Live, fresh_key: Callable[..., str]) -> None:
    found = run(folder, "beta.js", live, fresh_key())
    statuses = {name: one["status"] for name, one in found.items()}
    assert statuses == {
        "rank": 201, "reward": 204, "activate": 204, "multiSlotRank": 201, "multiSlotReward": 204,
        "multiSlotActivate": 204, "getConfiguration": 200, "putConfiguration": 200, "getPolicy": 200, "putPolicy": 200,
        "resetPolicy": 200, "createEvaluation": 201, "listEvaluations": 200, "getEvaluation": 200,
        "applyEvaluation": 204, "deleteEvaluation": 204, "logsProperties": 200, "modelProperties": 200,
        "resetModel": 204, "signedModel": 501, "deleteLogs": 204, "importModel": 400, "interactions": 501,
        "observations": 501, "empty": 400, "stranger": 401,
    }  # fmt: skip
    assert found["putConfiguration"]["body"] == found["getConfiguration"]["body"]
    assert found["putPolicy"]["body"]["arguments"] == found["getPolicy"]["body"]["arguments"]
    created = found["createEvaluation"]
    assert created["headers"]["location"].endswith(f"/personalizer/v1.1-preview.3/evaluations/{created['body']['id']}")
    assert [one["id"] for one in found["listEvaluations"]["body"]] == [created["body"]["id"]]
    evaluation = found["getEvaluation"]["body"]
    assert evaluation["status"] == "completed"
    assert [one["policySource"] for one in evaluation["policyResults"]] == ["Online", "Baseline", "Random"]
    assert found["importModel"]["body"]["error"]["code"] == "InvalidModelImportSignature"
    assert found["empty"]["headers"]["x-ms-error-code"] == "InvalidRankRequest"
