"""Benchmarks: what loading costs, as ratios to other programs on the same machine."""
