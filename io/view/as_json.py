"""The data of a view as JSON: instants in UTC, names as in `data`."""

from __future__ import annotations

from ..instants import utc_text
from ..references import Json
from .data import HeatMap, Timeline, Utilisation, View


def view_json(view: View) -> Json:
    found: Json = {"timeline": timeline_json(view.timeline), "heat_map": heat_json(view.heat)}
    found["utilisation"] = [_utilisation(one) for one in view.utilisation]
    return found if view.service is None else {"service": view.service, **found}


def timeline_json(timeline: Timeline) -> Json:
    return {
        "start": utc_text(timeline.start),
        "end": utc_text(timeline.end),
        "timezone": timeline.zone.name,
        "rows": [
            {
                "schedule": row.schedule,
                "title": row.title,
                **({"note": row.note} if row.note else {}),
                "layers": [
                    {
                        "kind": one.kind,
                        "start": utc_text(one.start),
                        "end": utc_text(one.end),
                        "label": one.label,
                        **({"source": one.source} if one.source else {}),
                    }
                    for one in row.layers
                ],
            }
            for row in timeline.rows
        ],
    }


def heat_json(heat: HeatMap) -> Json:
    """Hours in which nothing is ever open are left out."""
    return {
        "start": utc_text(heat.start),
        "end": utc_text(heat.end),
        "timezone": heat.zone.name,
        "cells": [
            {"weekday": one.weekday + 1, "hour": one.hour, "open_minutes": one.open, "free_minutes": one.free}
            for one in heat.cells
            if one.open
        ],
    }


def _utilisation(one: Utilisation) -> Json:
    return {
        "schedule": one.schedule,
        "title": one.title,
        "open_minutes": one.open,
        "booked_minutes": one.booked,
        "held_minutes": one.held,
        "buffer_minutes": one.buffer,
        "blocked_minutes": one.blocked,
        "free_minutes": one.free,
        "outside_minutes": one.outside,
        "seat_minutes": one.seats,
        "seat_minutes_free": one.seats_free,
        "used": None if one.used is None else round(one.used, 4),
    }
