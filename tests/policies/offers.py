"""Made-up requests and lessons for the tests of policies: varied, seeded, alike in every process."""

from __future__ import annotations

import random
from collections.abc import Sequence

from policies.base import Action, Context, Lesson, Slate, Slot
from policies.features import address, canonical
from policies.rates import ItemRates

TOPICS = ("sport", "news", "arts")

SLOTS = tuple(Slot(str(number)) for number in range(3))


def offer(n_actions: int, seed: int = 0, rates: ItemRates | None = None) -> tuple[Context, list[Action]]:
    """A context and actions with strings, numbers, booleans, lists and nesting."""
    dice = random.Random(seed)
    context = Context({"device": dice.choice(["phone", "tv"]), "hour": dice.randrange(24), "user": {"tier": "gold"}})
    return context, [action(f"a{number}", dice, rates) for number in range(n_actions)]


def action(action_id: str, dice: random.Random, rates: ItemRates | None = None) -> Action:
    """One action; its derived values come from the rates, if any."""
    features = {
        "topic": dice.choice(TOPICS),
        "price": dice.random(),
        "new": dice.random() < 0.5,
        "tags": dice.sample(["cup", "live", "long", "short"], 2),
        "author": {"age": dice.randrange(20, 70)},
    }
    derived = rates.derive(action_id) if rates else ()
    return Action(action_id, features, address(canonical(features)), derived)


def lessons(n: int, seed: int = 0, *, n_actions: int = 6, slots: Sequence[Slot] = SLOTS) -> list[Lesson]:
    """Uniformly chosen slates; phones like sport, televisions like arts."""
    dice = random.Random(seed)
    rates = ItemRates()
    made = []
    for _ in range(n):
        context, actions = offer(n_actions, dice.randrange(2**32), rates)
        chosen = tuple(dice.sample(range(n_actions), len(slots)))
        liked = "sport" if context.features["device"] == "phone" else "arts"
        rewards = [float(dice.random() < (0.8 if actions[i].features["topic"] == liked else 0.2)) for i in chosen]
        for index, reward in zip(chosen, rewards, strict=True):
            rates.observe(actions[index].id, reward)
        propensities = tuple(1.0 / (n_actions - number) for number in range(len(slots)))
        made.append(Lesson(context, actions, slots, Slate(chosen, propensities), rewards))
    return made
