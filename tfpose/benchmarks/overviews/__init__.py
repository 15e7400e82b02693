"""Benchmarks across the others: of sizes and loads, of networks, of two checkouts.

What they measure of one thing alone lies in `runtime`, `training` and the modules above.
"""
