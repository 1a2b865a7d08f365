"""What of a run is shown: lift over an exact uniform expectation where that is known, else the owner's KPI arm by arm.

In: a ``Run``. Out: headings, cells, sentences and JSON, which ``simulator/report.py`` arranges.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from agent.arms import LEARNED
from simulator.figures import known, lead_json, number, pair, percent, percent_with_half, with_half
from simulator.run import Course, Run
from simulator.tally import ArmSums, Lead, Tally

if TYPE_CHECKING:
    from envs.world import Kpi

N_CURVE = 9
"""So many of the latest blocks are shown."""


class View(Protocol):
    """One way to look at a run."""

    @property
    def headings(self) -> tuple[str, ...]:
        """Of the columns after the arm's name."""
        ...

    def cells(self, arm: ArmSums) -> tuple[str, ...]:
        """One arm's row, in the order of the headings."""
        ...

    def title(self) -> str:
        """What ``figure`` is."""
        ...

    def figure(self, arm: ArmSums) -> str:
        """The one figure of an arm that counts most."""
        ...

    def explanation(self) -> str:
        """What the columns mean."""
        ...

    def findings(self, run: Run) -> list[str]:
        """Leads and the learning curve, as lines."""
        ...

    def arm_json(self, arm: ArmSums) -> dict[str, Any]:
        """One arm for programs."""
        ...

    def json(self, run: Run) -> dict[str, Any]:
        """What the run found, for programs."""
        ...


def view_of(course: Course) -> View:
    """The view that suits a course."""
    if course.kpi is None:
        return LiftView()
    return KpiView(course.kpi, {kind: rule.weight for kind, rule in course.settings.reward.recipe.items()})


class LiftView:
    """Reward per slot beside what a uniform choice among the same offers gets, exactly."""

    headings = ("requests", "reward per slot", "uniform gets", "lift")

    def cells(self, arm: ArmSums) -> tuple[str, ...]:
        """One arm's row."""
        return (
            f"{arm.n_slates:,}",
            with_half(arm.slot.value, arm.slot.interval),
            number(arm.expectation),
            percent_with_half(arm.lift, arm.lift_interval),
        )

    def title(self) -> str:
        """Reward per slot."""
        return "reward per slot"

    def figure(self, arm: ArmSums) -> str:
        """With its lift."""
        return f"{number(arm.slot.value)} ({percent(arm.lift)})"

    def explanation(self) -> str:
        """Of lift."""
        meaning = "uniform gets: what a uniform choice among the same offers gets, exactly; lift is over it"
        return f"{meaning}; ±: 95 % intervals"

    def findings(self, run: Run) -> list[str]:
        """Leads over the controls, and the learned arm's lift block by block."""
        lines, tally = [], run.tally
        leads = [
            f"{percent(_slot_lead(tally, name))} over {name}" for name in run.course.controls if name in tally.arms
        ]
        if leads:
            lines.append("learned arm: " + ", ".join(leads))
        if curve := tally.curve(LEARNED):
            steps = "  ".join(f"{end:,}: {percent(arm.lift)}" for end, arm in curve[-N_CURVE:])
            lines.append(f"learned lift by {tally.block:,} requests: {steps}")
        return lines

    def arm_json(self, arm: ArmSums) -> dict[str, Any]:
        """One arm."""
        return {
            "n_requests": arm.n_slates,
            "n_slots": arm.n_slots,
            "reward_per_slot": known(arm.slot.value),
            "interval_95": pair(arm.slot.interval),
            "uniform_expectation": known(arm.expectation),
            "lift": known(arm.lift),
            "lift_interval_95": pair(arm.lift_interval),
        }

    def json(self, run: Run) -> dict[str, Any]:
        """Lifts, leads and the learning curve."""
        tally = run.tally
        return {
            "lift": known(tally.arm(LEARNED).lift),
            **{f"lift_{name}": known(tally.arm(name).lift) for name in run.course.controls},
            "lead_over": {name: known(_slot_lead(tally, name)) for name in run.course.controls},
            "learning_curve": [
                {"until": end, "lift": known(arm.lift), "interval_95": pair(arm.lift_interval)}
                for end, arm in tally.curve(LEARNED)
            ],
        }


class KpiView:
    """Reward per slate and the owner's KPI, arm by arm."""

    def __init__(self, kpi: Kpi, weights: Mapping[str, float]) -> None:
        self._kpi, self._weights = kpi, weights
        self.headings = ("users", "slates", "reward per slate", kpi.name)

    def cells(self, arm: ArmSums) -> tuple[str, ...]:
        """One arm's row."""
        return (
            f"{arm.n_episodes:,}",
            f"{arm.n_slates:,}",
            with_half(arm.slate.value, arm.slate.interval),
            with_half(arm.kpi.value, arm.kpi.interval),
        )

    def title(self) -> str:
        """The KPI's name."""
        return self._kpi.name

    def figure(self, arm: ArmSums) -> str:
        """The KPI."""
        return number(arm.kpi.value)

    def explanation(self) -> str:
        """Of reward and KPI."""
        per = "slate" if self._kpi.per == "slate" else "user, over all visits"
        reward = " + ".join(kind if weight == 1.0 else f"{weight:.3g} {kind}" for kind, weight in self._weights.items())
        return f"reward: {reward}; {self._kpi.name}: {self._kpi.feedback} per {per}; ±: 95 % intervals over users"

    def findings(self, run: Run) -> list[str]:
        """The learned arm's leads with their intervals, and each arm's KPI block by block."""
        tally, lines = run.tally, []
        seen = [name for name in run.course.controls if name in tally.arms]
        if seen:
            mine = tally.arm(LEARNED)
            lines += _leads(self._kpi.name, {name: mine.kpi.lead(tally.arm(name).kpi) for name in seen})
            if self._kpi.per != "slate":
                lines += _leads("reward per slate", {name: mine.slate.lead(tally.arm(name).slate) for name in seen})
        if tally.blocks:
            lines.append(f"{self._kpi.name} by {tally.block:,} requests, the latest last:")
            for name in (LEARNED, *run.course.controls[:1]):
                steps = " ".join(self.figure(arm) for _, arm in tally.curve(name)[-N_CURVE:])
                lines.append(f"  {name:10} {steps}")
        return lines

    def arm_json(self, arm: ArmSums) -> dict[str, Any]:
        """One arm."""
        return {
            "n_users": arm.n_episodes,
            "n_requests": arm.n_slates,
            "n_slots": arm.n_slots,
            "reward_per_slate": known(arm.slate.value),
            "interval_95": pair(arm.slate.interval),
            "kpi": known(arm.kpi.value),
            "kpi_interval_95": pair(arm.kpi.interval),
        }

    def json(self, run: Run) -> dict[str, Any]:
        """The KPI, the learned arm's leads, and the learning curve."""
        tally, mine = run.tally, run.tally.arm(LEARNED)
        return {
            "kpi": self._kpi._asdict(),
            "lead_over": {name: lead_json(mine.kpi.lead(tally.arm(name).kpi)) for name in run.course.controls},
            "reward_lead_over": {
                name: lead_json(mine.slate.lead(tally.arm(name).slate)) for name in run.course.controls
            },
            "learning_curve": {
                name: [
                    {"until": end, "kpi": known(arm.kpi.value), "interval_95": pair(arm.kpi.interval)}
                    for end, arm in tally.curve(name)
                ]
                for name in (LEARNED, *run.course.controls)
            },
        }


def _leads(what: str, leads: Mapping[str, Lead]) -> list[str]:
    return [f"learned over {name}, {what}: {percent_with_half(*lead)}" for name, lead in leads.items()]


def _slot_lead(tally: Tally, over: str) -> float:
    return tally.arm(LEARNED).slot.lead(tally.arm(over).slot).value
