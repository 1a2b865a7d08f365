"""Made-up requests and lessons for the tests of policies: varied, seeded, alike in every process."""

from __future__ import annotations

import random
from collections.abc import Sequence

from policies.base import N_LOOP_DERIVED, Action, Context, Lesson, Policy, Slate, Slot
from policies.features import address, canonical
from policies.rates import ItemRates
from policies.sampling import choose
from policies.tags import tags_of
from policies.user_rates import UserRates

TOPICS = ("sport", "news", "arts")

SLOTS = tuple(Slot(str(number)) for number in range(3))


N_USERS = 5
"""Every so many lessons the same user comes again; the last of them is nobody the loop knows."""

MINUTE_MS = 60_000


def offer(
    n_actions: int, seed: int = 0, rates: ItemRates | None = None, user: UserRates | None = None
) -> tuple[Context, list[Action]]:
    """A context and actions with strings, numbers, booleans, lists and nesting."""
    dice = random.Random(seed)
    context = Context({"device": dice.choice(["phone", "tv"]), "hour": dice.randrange(24), "user": {"tier": "gold"}})
    return context, [action(f"a{number}", dice, rates, user) for number in range(n_actions)]


def action(
    action_id: str, dice: random.Random, rates: ItemRates | None = None, user: UserRates | None = None
) -> Action:
    """One action; its derived values come from the rates and the user's, if any."""
    features = {
        "topic": dice.choice(TOPICS),
        "price": dice.random(),
        "new": dice.random() < 0.5,
        "tags": dice.sample(["cup", "live", "long", "short"], 2),
        "author": {"age": dice.randrange(20, 70)},
    }
    key = address(canonical(features))
    tags = tags_of(features, key)
    derived = rates.derive(action_id, tags) if rates else ()
    if derived and user is not None:
        derived = derived[:N_LOOP_DERIVED] + user.derive([tags])[0]
    return Action(action_id, features, key, derived)


def lessons(n: int, seed: int = 0, *, n_actions: int = 6, slots: Sequence[Slot] = SLOTS) -> list[Lesson]:
    """Uniformly chosen slates; phones like sport, televisions like arts; every minute one, from one user or another."""
    dice = random.Random(seed)
    rates, users = ItemRates(), [UserRates() for _ in range(N_USERS - 1)]
    made = []
    for number in range(n):
        user = users[number % N_USERS] if number % N_USERS < len(users) else None
        context, actions = offer(n_actions, dice.randrange(2**32), rates, user)
        chosen = tuple(dice.sample(range(n_actions), len(slots)))
        liked = _liked(context, actions)
        rewards = [float(dice.random() < (0.8 if liked[i] else 0.2)) for i in chosen]
        for index, reward in zip(chosen, rewards, strict=True):
            _observe(rates, user, actions[index], reward, number * MINUTE_MS)
        propensities = tuple(1.0 / (n_actions - place) for place in range(len(slots)))
        made.append(Lesson(context, actions, slots, Slate(chosen, propensities), rewards))
    return made


def share_liked(policy: Policy) -> float:
    """Of 100 offers in which something is liked, how often a policy that learned ``lessons`` chooses it first.

    Chance alone: 0.37, as a third of the actions are liked and 0.91 of the offers have one of these.
    """
    hits = wanted = 0
    for seed in range(100, 200):
        context, actions = offer(6, seed)
        liked = _liked(context, actions)
        wanted += any(liked)
        hits += liked[choose(policy.prepare(context, actions), SLOTS[:1], seed).chosen[0]]
    return hits / wanted


def _liked(context: Context, actions: Sequence[Action]) -> list[bool]:
    topic = {"phone": "sport", "tv": "arts"}[context.features["device"]]
    return [action.features["topic"] == topic for action in actions]


def _observe(rates: ItemRates, user: UserRates | None, shown: Action, reward: float, at_ms: int) -> None:
    """As a loop's learner does."""
    tags = tags_of(shown.features, shown.key)
    promised = shown.derived[0] if shown.derived else reward
    rates.observe(shown.id, reward, tags, at_ms)
    if user is not None:
        user.observe(tags, reward - promised)
