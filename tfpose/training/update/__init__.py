"""How weights change: optimisers, learning-rate schedules, precision, moving averages.

Gradients are computed by `tfpose.training.step`.
"""
