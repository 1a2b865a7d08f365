from __future__ import annotations

from serve_app.client_memory import AskedOf


def test_an_events_loop_is_the_one_it_was_last_asked_of() -> None:
    asked = AskedOf()
    asked.note([{"event_id": "e1", "loop": "home"}, {"event_id": "e2", "loop": "shop"}, {"event_id": "e3"}])
    assert [asked.loop_of(f"e{number}") for number in range(1, 5)] == ["home", "shop", None, None]
    asked.note([{"event_id": "e1", "loop": "shop"}, {"event_id": "e2"}])
    assert [asked.loop_of("e1"), asked.loop_of("e2")] == ["shop", None]


def test_the_events_asked_for_longest_ago_are_forgotten() -> None:
    asked = AskedOf(n_each=3)
    asked.note({"event_id": f"e{number}", "loop": "home"} for number in range(3))
    asked.note([{"event_id": "e0", "loop": "home"}])
    asked.note([{"event_id": "e3", "loop": "home"}])
    assert [number for number in range(4) if asked.loop_of(f"e{number}")] == [0, 2, 3]


def test_an_event_that_the_service_will_name_is_not_remembered() -> None:
    asked = AskedOf()
    asked.note([{"loop": "home"}])
    assert asked.loop_of("") is None


def test_a_sessions_loop_is_that_of_its_latest_slate() -> None:
    asked = AskedOf(n_each=2)
    asked.note([{"event_id": "e1", "session": "s1", "loop": "home"}, {"event_id": "e2", "session": "s2"}])
    assert [asked.loop_of_session("s1"), asked.loop_of_session("s2")] == ["home", None]
    asked.note([{"session": "s1", "loop": "shop"}, {"session": "s3", "loop": "home"}])
    assert [asked.loop_of_session(f"s{number}") for number in (1, 3)] == ["shop", "home"]
    asked.note([{"session": "s4", "loop": "home"}])
    assert asked.loop_of_session("s1") is None
