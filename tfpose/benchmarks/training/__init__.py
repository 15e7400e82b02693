"""Benchmarks of what makes and judges networks: the input pipeline, memory, evaluation.

Benchmarks of the finished network are those of `runtime`.
"""
