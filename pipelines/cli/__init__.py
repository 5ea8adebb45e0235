"""Command line: one module a command; Dagster and Great Expectations are imported late."""

import gc

# imports make objects and no garbage, and looking for it takes a fifth of their time; what comes
# after them makes few cycles, so that seldom is often enough
gc.set_threshold(50_000, 10, 10)
