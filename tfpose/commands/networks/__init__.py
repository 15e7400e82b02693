"""Commands about one network: list, import, evaluate, export.

What they do lies in `tfpose.models`, `tfpose.weights`, `tfpose.evaluation` and `tfpose.export`.
"""
