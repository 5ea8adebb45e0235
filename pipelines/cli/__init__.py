"""Command line: one module a command; Dagster and Great Expectations are imported late."""
