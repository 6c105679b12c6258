"""Plans: many requests placed at once, without conflict, as many and as good as can be.

`problem` is what goes in and what comes out, `table` the candidates laid out as arrays, `greedy`, `prices`, `dive`,
`eject`, `polish` and `prove` are the stages, `pipeline` their order and their budget. `check` judges plans and bounds
and knows none of these, `validate` judges problems; `explain` says why a request is not served, by `board` and
`conflicts`. `levels` makes the lexicographic objective out of weighted ones, `lexicographic` plans by it, and
`level_bounds` proves what it can.
"""
