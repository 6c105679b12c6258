"""Tables of schedules, hours and bookings for those who have no FHIR (docs/tables.md): CSV into resources."""
