"""Poses drawn on pictures and written to files, videos, windows and other libraries' types.

Nothing here runs a network or reads a source.
"""
