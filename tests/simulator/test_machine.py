from __future__ import annotations

from pathlib import Path

from simulator.machine import facts, sentence


def test_facts_are_of_this_machine_and_its_packages(tmp_path: Path) -> None:
    told = tmp_path / "cpuinfo"
    told.write_text("processor\t: 0\nmodel name\t: Fast 9000\n", encoding="utf-8")
    found = facts(told)
    assert found["processor"] == "Fast 9000"
    assert int(found["cores"]) >= 1
    assert {"python", "numpy", "vowpalwabbit"} <= set(found)
    assert all(found.values())


def test_what_the_system_doesn_t_tell_is_left_out(tmp_path: Path) -> None:
    assert "" not in facts(tmp_path / "nothing").values()
    assert f"python {facts()['python']}" in sentence()
