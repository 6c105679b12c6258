"""Plans of many requests over a store: request tables in, answers out, and what `--book` writes.

`requests` reads the tables, `compiling` asks the store and makes the solver's problem, `planning` has it solved and
judged anew, `booking` writes it into a ledger, `answers` says how each request went.
"""
