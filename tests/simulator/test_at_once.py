from __future__ import annotations

from simulator.at_once import AtOnce
from simulator.cells import Cell, Setting, parse_policy
from simulator.measuring import measure, settings_of
from simulator.service import Feedback

CELL = Cell(Setting("iris", 3, 1), parse_policy("vw"), 0, 40, course="at once")


def told(event_id: str, value: float) -> list[Feedback]:
    return [{"event_id": event_id, "type": "right", "value": value, "slot": 0}]


def test_each_decision_is_learned_and_published_before_the_next() -> None:
    with AtOnce(settings_of(CELL), publish_every=1) as service:
        versions = []
        for number in range(5):
            slate = service.choose({"a": {}, "b": {}}, context={"x": number}, slots=1, user=f"u{number}")
            versions.append(slate.version)
            service.rewards(told(slate.event_id, 1.0))
            status = service.status()
            assert status.experiences.learned == number + 1
            assert status.serving is not None
            assert status.serving.n_learned == number + 1
        assert versions[0] == ""
        assert len(set(versions)) == 5


def test_the_reward_is_learned_with_its_decision_and_nothing_is_late() -> None:
    with AtOnce(settings_of(CELL), publish_every=1) as service:
        for value in (1.0, 0.0, 1.0):
            slate = service.choose({"a": {}, "b": {}}, context={}, slots=1, user="u")
            service.rewards(told(slate.event_id, value) if value else [])
        assert [list(lesson.rewards) for lesson in service.learner.recent] == [[1.0], [0.0], [1.0]]
        assert service.status().experiences[1:5] == (0, 0, 0, 0)


def test_a_cell_at_once_is_alone_without_a_floor() -> None:
    settings = settings_of(CELL)
    assert (settings.variants, settings.floor, settings.reward.window_ms) == ({"learned": 1.0}, 0.0, 1)
    assert {block.arm for block in measure(CELL).blocks} == {"learned"}
