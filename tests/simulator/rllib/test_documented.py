"""The lines of code in docs/agents.md run as they stand, but for smaller numbers."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

from agent.starts import checked

PAGE = Path(__file__).parents[3] / "docs" / "agents.md"
SMALLER = {
    "range(90)": "range(6)",
    '"training_iteration": 90': '"training_iteration": 1',
    "evaluation_interval=10": "evaluation_interval=1, evaluation_duration=20",
    "3_000_000": "1000",
    "num_envs_per_env_runner=1024": "num_envs_per_env_runner=16",
    "GradientConfig().": "GradientConfig().env_runners(num_envs_per_env_runner=16).",
    "tune.RunConfig(": "tune.RunConfig(storage_path=str(Path.cwd()), verbose=0, ",
    "[0.001, 0.01]": "[0.01]",
}


@pytest.mark.slow
def test_the_lines_of_code_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    section = PAGE.read_text(encoding="utf-8").split("\n## RLlib\n")[1].split("\n## ")[0]
    code = "\n".join(re.findall(r"```python\n(.*?)```", section, re.DOTALL))
    for large, small in SMALLER.items():
        assert large in code
        code = code.replace(large, small)
    (tmp_path / "documented.py").write_text(code, encoding="utf-8")
    names = runpy.run_path(str(tmp_path / "documented.py"))
    for name in ("algorithm", "again"):
        names[name].stop()
    assert checked((tmp_path / "slateq.agent").read_bytes()).kind == "slateq"
    assert names["found"][0].config["agent_options"] == {"entropy": 0.01}
