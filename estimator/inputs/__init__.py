"""From pictures to a network's input: letterbox, crops, scaled decoding, averaged views.

The matrices come from `estimator.geometry`; files are read by `estimator.pictures`.
"""
