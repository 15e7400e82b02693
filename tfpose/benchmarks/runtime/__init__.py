"""Benchmarks of what ships: decoders, networks, engines, pictures, streams, the service.

Benchmarks of what makes networks are those of `training`.
"""
