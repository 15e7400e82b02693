"""Metrics of published benchmarks, one file each; running networks for them is one folder up."""
