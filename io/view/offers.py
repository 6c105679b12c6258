"""What `$find` offers in a window, as layers of the schedules it would take."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import Refusal
from ..instants import utc_text
from ..operations import find
from ..operations.request import QueryRequest
from ..store import Store
from .data import Layer
from .opened import Window
from .words import service_title

MOST = 1000
"""Offers of one find."""


def offers(
    store: Store, service_id: str, pools: Sequence[Sequence[str]], window: Window, earliest: int | None
) -> tuple[dict[str, list[Layer]], str]:
    """The offered visits by schedule, and why there are none where `$find` refuses.

    `earliest` is the first minute at which a visit may start; None: any.
    """
    request = find.read_request(
        QueryRequest(
            {
                "start": utc_text(window.start),
                "end": utc_text(window.end),
                "service-type-reference": f"HealthcareService/{service_id}",
                "schedule": [",".join(f"Schedule/{one}" for one in pool) for pool in pools],
                "_count": str(MOST),
            }
        )
    )
    allowed = None if earliest is None else [min(earliest, window.end), window.end + 1]
    try:
        answer = find.find(store, request, now=store.now(), wish=lambda _: allowed)
    except Refusal as error:
        return {}, str(error)
    title = service_title(store, service_id)
    found: dict[str, list[Layer]] = {}
    for offer in answer.offers:
        for one in answer.chosen(offer):
            layer = Layer("offer", offer.start, offer.start + one.resolved.duration, title)
            found.setdefault(one.id, []).append(layer)
    return found, ""
