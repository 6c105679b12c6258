"""The few sets of CP-SAT parameters in use, as data. Names are those of `SatParameters`.

One worker everywhere: two give another answer each time. Probing and symmetry detection cost more than such small
models are worth; linearization 2 lets the LP prove each assignment at the root. Presolve stays on: without it the
same models take 30 to 90 times as long.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

Profile = Mapping[str, int | float | bool]

# Ctrl-C stays with Python, which answers it as soon as the solver returns.
_LEAN = {
    "catch_sigint_signal": False,
    "num_workers": 1,
    "random_seed": 0,
    "cp_model_probing_level": 0,
    "symmetry_level": 0,
}

INTERACTIVE: Profile = MappingProxyType({**_LEAN, "linearization_level": 2, "max_deterministic_time": 30.0})
"""Small models with an objective, solved to proof; the limit is a guard that no real question comes near."""

PROPAGATE: Profile = MappingProxyType(
    {
        **_LEAN,
        "linearization_level": 0,
        "stop_after_presolve": True,
        "keep_all_feasible_solutions_in_presolve": True,
        "fill_tightened_domains_in_response": True,
    }
)
"""No search: the tightened domains of a model without objective are its answer."""

ENUMERATE: Profile = MappingProxyType(
    {
        **_LEAN,
        "linearization_level": 0,
        "max_deterministic_time": 30.0,
        "enumerate_all_solutions": True,
        "fill_additional_solutions_in_response": True,
        "solution_pool_size": 1_000_000,
    }
)
"""Every solution of a small model without objective, in the response."""

NEIGHBOURHOOD: Profile = MappingProxyType({**_LEAN, "linearization_level": 2, "max_deterministic_time": 0.3})
"""A part of a plan: most are proven optimal well within the limit, and the rest are given up for another part."""

PROOF: Profile = MappingProxyType({**_LEAN, "linearization_level": 2, "max_deterministic_time": 2.0})
"""A whole component of a plan, to proof."""


def limited(profile: Profile, deterministic_time: float) -> Profile:
    """The profile with another limit of deterministic time."""
    return MappingProxyType({**profile, "max_deterministic_time": deterministic_time})
