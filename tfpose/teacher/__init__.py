"""A teacher network's answers, kept on disk: label files, and caches of its maps.

Losses against a teacher are `tfpose.losses`; training on what lies here is `tfpose.training`.
"""
