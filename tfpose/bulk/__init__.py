"""Pose estimation over archives of millions of pictures: listing, shards, resuming, Beam.

No TensorFlow. What a network does with one picture is `estimator`; flags are `tfpose.commands`.
"""
