"""Worlds with users in them; they know nothing of the rest of the house.

Importing this registers ``slateloop/InterestEvolution-v0`` and its like with Gymnasium; nothing is built or read.
"""

from __future__ import annotations

import gymnasium

from envs.presets import NAMESPACE, WORLDS

for _name in WORLDS:
    gymnasium.register(
        id=f"{NAMESPACE}/{_name}",
        entry_point="envs.presets:single",
        vector_entry_point="envs.presets:vector",
        kwargs={"world": _name},
    )
