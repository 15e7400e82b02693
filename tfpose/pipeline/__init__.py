"""The input pipeline in tf.data: decodes and augments records, renders targets, makes batches.

Augmentation's matrices and colours are the package `augment`; the batches of a run are chosen in
`tfpose.training.feeds`.
"""
