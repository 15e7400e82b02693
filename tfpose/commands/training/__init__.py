"""Commands that train networks, label pictures with a teacher and average weights.

What they do lies in `tfpose.training`, `tfpose.teacher`, `tfpose.canvases` and `tfpose.online`.
"""
