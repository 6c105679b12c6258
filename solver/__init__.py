"""Which times work: minutes and intervals in, minutes out.

Nothing here knows FHIR, JSON, files, clocks or networks. Times are whole minutes since 1970-01-01T00:00Z unless a
name ends in `_ms` (milliseconds since the same instant); intervals are half-open. A seed and the current time are
always arguments.
"""
