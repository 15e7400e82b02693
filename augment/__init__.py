"""Augmentation: image, keypoints and mask change together or not at all."""
