"""Layers that more than one family of networks is built from.

The networks themselves are `tfpose.models`.
"""
