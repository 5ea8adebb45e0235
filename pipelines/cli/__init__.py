"""Command line: one module a command; Dagster and Great Expectations are imported late."""

import gc

gc.set_threshold(50_000, 10, 10)  # imports make no garbage; looking for some takes a fifth of them
