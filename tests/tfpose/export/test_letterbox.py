"""Encoded files in the graph are read as the estimator reads them."""

import cv2
import numpy as np
import tensorflow as tf

from estimator import pictures
from tfpose.export import letterbox


def test_transparent_pixels_are_white_as_the_estimator_s() -> None:
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (24, 32, 4), np.uint8)
    picture[:12, :, 3], picture[12:, :16, 3] = 0, 255
    encoded = bytes(cv2.imencode(".png", picture)[1])
    images, _ = letterbox.letterbox_files(tf.constant([encoded]), 24, 32)
    found, expected = images.numpy()[0], pictures.read(encoded)
    assert np.abs(found - expected).max() <= 1
    assert (found[:12] == 255).all()
