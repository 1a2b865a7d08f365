"""What a status says in sentences: nothing that waits is hidden by what is wrong."""

from __future__ import annotations

from agent.datastore import MemoryUse
from agent.join import Counters
from agent.loop_store import StoredSettings
from agent.loops import LoopSettings, RewardSettings
from agent.progress import Progress
from agent.variant_stats import VariantSums
from serve_app.learner_status import learner_of
from serve_app.strays import OrphanStatus
from serve_app.why import N_SILENT, Seen, is_silent, told_of_memory, why

STORED = StoredSettings(1, LoopSettings())
WAITS = "3 decisions wait for their rewards; each is learned when its window closes (60 s after a new decision)."


def told(report: Progress | None, *, stored: StoredSettings = STORED, **seen: object) -> list[str]:
    learner = learner_of(report, "alive" if report else "starting")
    return why(Seen("shop", stored, report, None, learner, **seen))  # type: ignore[arg-type]  # checked by Seen's users


def sums(*rewards: float, n_slots: int = 2) -> dict[str, VariantSums]:
    """Decisions with these rewards in all, dealt to two arms."""
    found = {"learned": VariantSums(), "order": VariantSums()}
    for number, reward in enumerate(rewards):
        found["order" if number % 2 else "learned"].add(reward, n_slots)
    return found


def test_what_waits_for_rewards_is_told_beside_every_other_hint() -> None:
    value = "value: not a finite number, or of no known type"
    counters = Counters(late=400, ignored=400)
    report = Progress("shop", "l", n_learned=1000, n_open=3, troubles={value: 900}, counters=counters, why=("Old.",))
    said = told(report)
    assert said[0] == "Old."
    assert any(sentence.startswith("Features: value") for sentence in said)
    assert any("400 rewards came after the window" in sentence for sentence in said)
    assert any("400 rewards are of types" in sentence for sentence in said)
    assert said[-1] == WAITS
    assert told(Progress("shop", "l", n_open=3)) == [WAITS]
    assert told(Progress("shop", "l", n_open=1)) == [
        "1 decision waits for its rewards; it is learned when its window closes (60 s after a new decision)."
    ]


def test_that_nothing_was_logged_is_told_only_where_it_is_so() -> None:
    nothing = "No decision has been logged yet; POST /v1/slates makes one."
    assert told(Progress("shop", "l")) == [nothing]
    assert nothing not in told(Progress("shop", "l", variants=sums(1.0)))
    assert nothing not in told(Progress("shop", "l", counters=Counters(inactive=1)))


def test_orphans_are_told_although_nothing_was_ever_decided() -> None:
    report = Progress("default", "l", counters=Counters(orphan=1), n_orphans_lately=1)
    (orphans, nothing) = told(report, orphans=OrphanStatus(1, 1))
    assert "1 reward names no event of this loop" in orphans
    assert nothing.startswith("No decision has been logged yet")


def test_a_loop_is_silent_when_many_decisions_have_the_default_reward_alone() -> None:
    enough = [0.0] * N_SILENT
    assert is_silent(STORED, Progress("shop", "l", variants=sums(*enough)))
    assert not is_silent(STORED, Progress("shop", "l", variants=sums(*enough[1:])))
    assert not is_silent(STORED, Progress("shop", "l", variants=sums(*enough, 1.0)))
    assert not is_silent(STORED, Progress("shop", "l", variants=sums(*enough, 1.0, -1.0))), "they cancel out"
    assert not is_silent(STORED, None)


def test_silence_is_measured_by_the_default_reward_of_every_slot() -> None:
    default = -0.1
    stored = StoredSettings(1, LoopSettings(reward=RewardSettings(min=-1.0, default=default)))
    silence = [2 * default] * N_SILENT
    assert is_silent(stored, Progress("shop", "l", variants=sums(*silence)))
    assert not is_silent(stored, Progress("shop", "l", variants=sums(*silence[1:], 2 * default + 0.1)))
    assert not is_silent(stored, Progress("shop", "l", variants=sums(*[0.0] * N_SILENT)))


def test_silence_is_told_with_where_rewards_went() -> None:
    report = Progress("shop", "l", n_learned=N_SILENT, variants=sums(*[0.0] * N_SILENT))
    said = told(report, elsewhere=OrphanStatus(7, 7, "c-1", "shop"))
    (silence,) = [sentence for sentence in said if sentence.startswith(f"None of the {N_SILENT} decisions so far")]
    assert "some rewards of this loop, such as for 'c-1', went to the loop default" in silence


def test_rewards_that_go_astray_are_told_of_a_young_loop_too() -> None:
    (astray, waits) = told(Progress("shop", "l", n_open=3), elsewhere=OrphanStatus(7, 7, "c-1", "shop"))
    assert astray.startswith("Some rewards of this loop, such as for 'c-1', went to the loop default")
    assert waits == WAITS


def test_a_learner_that_starts_is_said_to_start() -> None:
    assert told(None) == ["The loop's learner is starting; it reports within seconds."]


def test_memory_is_warned_about_when_it_is_nearly_full() -> None:
    assert told_of_memory(MemoryUse(used_bytes=2**20, limit_bytes=2**21)) == []
    (full,) = told_of_memory(MemoryUse(used_bytes=9 * 2**20, limit_bytes=10 * 2**20))
    assert "9 of 10 MiB" in full
