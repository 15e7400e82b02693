"""Weights of networks: foreign checkpoints, Keras's files, runs' checkpoints, and their means.

Foreign formats are in `formats`, one file each; writing networks to deploy is `tfpose.export`.
"""
