"""Engines that run a network's file on the CPU, one file an engine.

An engine gives maps; `estimator.decoders` turns them into people.
"""

from .opening import AUTO, CHOICES, ENGINES, fastest, open_runner, where_it_fits

__all__ = ["AUTO", "CHOICES", "ENGINES", "fastest", "open_runner", "where_it_fits"]
