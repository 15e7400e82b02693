"""Metrics of the fields' own benchmarks, one file each."""
