"""A part of a plan as a CP-SAT model: written family by family, hinted with what stands, solved, read and checked.

The model is exact for the part: a response OPTIMAL says that the free requests cannot earn more while all others stay
where they are. Penalties on pairs of visits are not in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import SolverFaultError
from ..model import ModelWriter, Response
from . import families
from .families import Draft, Formulation
from .part import Part, Standing
from .table import Ints


@dataclass(frozen=True, slots=True, eq=False)
class Neighbourhood:
    """A model, and where its literals stand for what."""

    made: Draft

    @property
    def writer(self) -> ModelWriter:
        return self.made.writer


def write(part: Part, found: Standing, formulation: Formulation = "cliques", *, hinted: bool = True) -> Neighbourhood:
    """The model of a part; `found` is where its requests stand, from which the search starts if `hinted`."""
    made = families.draft(part)
    families.one_start(made)
    families.one_choice(made)
    families.actors_once(made)
    if formulation in ("cliques", "both"):
        families.no_overlap_by_cliques(made)
    if formulation in ("intervals", "both"):
        families.no_overlap_by_intervals(made)
    families.shared_capacity(made)
    families.quotas(made)
    families.links(made)
    families.worth(made)
    if hinted:
        literals = len(made.pair) + len(made.owns)
        made.writer.hint(range(literals), _stands(made, found)[:literals].tolist())
    return Neighbourhood(made)


def _stands(made: Draft, found: Standing) -> Ints:
    """The values of the literals of pairs and entries where the requests stand."""
    part = made.part
    values = np.zeros(made.writer.size, np.int64)
    values[made.entry[np.isin(part.entry, found.entry)]] = 1
    values[made.pair[np.isin(part.pair, found.pair)]] = 1
    return values


def worth(part: Part, found: Standing) -> int:
    """What the requests of the part earn where they stand, by the table."""
    table = part.table
    pair = found.pair[part.requests]
    pair = pair[pair >= 0]
    total = int(table.pair_value[pair].sum())
    for request in part.requests[found.pair[part.requests] >= 0].tolist():
        entries = found.entry[found.roles[request] : found.roles[request + 1]]
        first = int(table.pair_segments[found.pair[request]])
        absent = table.segment_absent[first : first + len(entries)]
        total -= int(np.where(entries >= 0, table.entry_cost[entries], absent).sum())
    return total


def moved(neighbourhood: Neighbourhood, found: Standing, response: Response) -> Standing:
    """Where all requests stand by a response; `found` itself if there is none better.

    Raises
    ------
    SolverFaultError
        If the response breaks a rule that reading it needs, or its figures are not those of its values.
    """
    part = neighbourhood.made.part
    stood = worth(part, found)
    if response.status in ("INFEASIBLE", "MODEL_INVALID"):
        raise SolverFaultError(f"CP-SAT answers {response.status} to a part of a plan that is feasible as it stands")
    if response.status == "OPTIMAL" and round(response.objective) < stood:
        raise SolverFaultError(f"CP-SAT answers {response.objective} as optimal where {stood} stands")
    if not response.values:
        return found
    answered = read(neighbourhood.made, found, response.values)
    earned = worth(part, answered)
    if earned != round(response.objective):
        raise SolverFaultError(f"CP-SAT answers the objective {response.objective} with values that earn {earned}")
    return answered if earned > stood else found


def read(made: Draft, found: Standing, values: Sequence[int]) -> Standing:
    """Where all requests stand by the values of a model's literals: the part's by these, the others as in `found`."""
    part, table = made.part, made.part.table
    flags = np.array(values, np.int64)
    pair, entry = found.pair.copy(), found.entry.copy()
    pair[part.requests] = -1
    for request in part.requests.tolist():
        entry[found.roles[request] : found.roles[request + 1]] = -1
    chosen = part.pair[np.flatnonzero(flags[made.pair])]
    requests = table.pair_request[chosen]
    if len(np.unique(requests)) < len(requests):
        raise SolverFaultError("CP-SAT answers two starts of one request")
    pair[requests] = chosen
    taken = np.flatnonzero(flags[made.entry])
    segment = part.segment[np.searchsorted(part.segment_entries, taken, "right") - 1]
    owner = np.searchsorted(table.pair_segments, segment, "right") - 1
    request = table.pair_request[owner]
    if len(np.unique(segment)) < len(segment) or (pair[request] != owner).any():
        raise SolverFaultError("CP-SAT answers two choices of one role, or one at another start than the request's")
    entry[found.roles[request] + segment - table.pair_segments[owner]] = part.entry[taken]
    return Standing(pair, entry, found.roles)
