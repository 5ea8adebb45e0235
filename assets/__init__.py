"""What exists: declarations only, one module a stage, in the order in which data flows."""
