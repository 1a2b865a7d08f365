from __future__ import annotations

import pytest

from agent.loops import LoopSettings, PersonalizerSettings, PolicySettings
from serve_app.personalizer.errors import AzureError
from serve_app.personalizer.policy_arguments import NO_ALGORITHM, arguments_of, policy_of

DEFAULT = "--cb_explore_adf --epsilon 0.2 --power_t 0 -l 0.001 --cb_type mtr -q ::"


def test_the_old_default_policy() -> None:
    """Its epsilon is the configuration's explorationPercentage, which becomes the loop's floor."""
    assert policy_of(DEFAULT) == PolicySettings(
        kind="vw",
        options={
            "explorer": "epsilon", "epsilon": 0.0, "power_t": 0.0, "learning_rate": 0.001, "cb_type": "mtr",
            "interactions": ["cc", "ca", "aa"],
        },
    )  # fmt: skip
    assert policy_of(DEFAULT.replace("--cb_explore", "--ccb_explore")) == policy_of(DEFAULT)
    assert policy_of(DEFAULT.replace("--epsilon 0.2", "--epsilon=0.7")) == policy_of(DEFAULT)


def test_other_explorers_and_our_own_namespaces() -> None:
    bag = policy_of("--cb_explore_adf --bag 7 --interactions ci --interactions ca -b 20")
    assert bag.options == {"explorer": "bag", "bag": 7, "interactions": ["ci", "ca"], "bits": 20, "epsilon": 0.0}
    assert policy_of("--cb_explore_adf --softmax --lambda 5").options["lambda"] == 5.0
    assert policy_of("--cb_explore_adf --squarecb --gamma_scale 10").options["explorer"] == "squarecb"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("", NO_ALGORITHM), ("--epsilon 0.2", NO_ALGORITHM), ("--cats 8 --cb_explore_adf", "Continuous actions"),
        ("--cb_explore_adf --marginal f", "--marginal is not available"), ("--cb_explore_adf -l x", "needs a number"),
        ("--cb_explore_adf --cb_type sm", "cb_type"), ("--cb_explore_adf -l -1", "learning_rate"),
        ("--cb_explore_adf -q a", "namespaces"), ("--cb_explore_adf 'x", "can't be read"),
        ("--cb_explore_adf " + "x" * 1024, "at most 1024"), ("--cb_explore_adf --slateloop {}x", "needs a policy"),
        ("--cb_explore_adf --slateloop '{\"kind\":\"nonsense\"}'", "no such policy"),
        ("--cb_explore_adf -b nan", "whole number"), ("--cb_explore_adf -b 1e400", "whole number"),
        ("--cb_explore_adf --bag 2.7", "whole number"),
    ],
)  # fmt: skip
def test_what_can_not_be_had_is_refused(arguments: str, message: str) -> None:
    with pytest.raises(AzureError, match=message) as caught:
        policy_of(arguments)
    assert (caught.value.status, caught.value.code) == (400, "InvalidPolicyConfiguration")


def test_a_policy_that_was_sent_is_read_back_as_it_was_sent() -> None:
    kept = PersonalizerSettings(policy_arguments=DEFAULT)
    assert arguments_of(LoopSettings(policy=policy_of(DEFAULT), personalizer=kept)) == DEFAULT


@pytest.mark.parametrize(
    "policy",
    [PolicySettings(), PolicySettings(kind="linear"), PolicySettings(kind="vw", options={"explorer": "bag", "bag": 3})],
)
def test_any_policy_can_be_exported_and_imported(policy: PolicySettings) -> None:
    outdated = PersonalizerSettings(policy_arguments=DEFAULT)
    text = arguments_of(LoopSettings(policy=policy, personalizer=outdated))
    assert "--cb_explore_adf" in text
    assert policy_of(text) == policy
