"""Augmentation in tf.data: picture, keypoints and mask change together or not at all.

Policies, sampling, matrices, warps and colours; which sample is augmented how, and when, is
`tfpose.pipeline`.
"""
