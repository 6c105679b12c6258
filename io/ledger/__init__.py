"""The ledger: one SQLite file of resources and of everything that happened to them.

`ledger` opens it and puts writes in order; `transaction` is one write; `state` is what can be read; `entries` chain
what happened; `database` and `schema` hold the SQL, `waiting` what is inserted together; `lock` is the queue of
writers; `verify` and `erasure` are what their names say.
"""
