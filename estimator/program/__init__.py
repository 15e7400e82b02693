"""The program `python -m estimator`: its options, its loop over pictures, its loop over a stream.

Flags live in `estimator.__main__`; the work is done by the other rooms.
"""
