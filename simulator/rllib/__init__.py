"""The agents as RLlib algorithms on its new API stack: trained in worlds by ``build_algo().train()`` or by Tune."""
