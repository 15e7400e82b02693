"""Finds the people in photographs, videos and live streams, draws them, and writes them down."""

from estimator import __main__ as program

__doc__ = (program.__doc__ or "").replace("python -m estimator", "tfpose predict")
FLAGS, WORDS, main = program.FLAGS, program.WORDS, program.main
