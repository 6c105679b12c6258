"""Many questions at once: tables of requests in, tables of answers out (docs/batch.md)."""
