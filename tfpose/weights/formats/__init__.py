"""Foreign checkpoints, one file a format: each reads arrays by name, `assign` puts them on layers.

Which format a file has is decided in `tfpose.weights.foreign`.
"""
