"""The agents as RLlib algorithms on its new API stack: trained in worlds by ``build_algo().train()`` or by Tune.

In: configs that name worlds. Out: algorithms of RLlib. All of it needs the extra ``rl``, so that is told first.
"""

from __future__ import annotations

from simulator.extras import refuse_import_without

refuse_import_without(("torch", "ray", "tree"), "simulator.rllib")
