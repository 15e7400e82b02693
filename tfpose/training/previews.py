"""Previews of a network in training: its maps, the targets and the decoded people of a batch."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from absl import logging

from estimator.arrays import Float
from estimator.outputs import draw
from estimator.spec import PoseSpec

from ..data import contact_sheet
from ..losses.maps import BINS, last_stage
from .feeds.feed import taught_maps

SHOWN = 4  # pictures of a batch
TILE = 280  # pixels, height and width of a preview on a sheet


def previews(model: keras.Model, spec: PoseSpec, batch: Mapping[str, Any]) -> dict[str, Float]:
    """Draws a batch's targets and the network's last stage over its pictures.

    Args:
      model: of `spec`.
      spec: has the decoder.
      batch: `image` and, where they are there, the targets.

    Returns:
      Name to (B, H, W, 3), 0..1.
    """
    image = np.asarray(batch["image"][:SHOWN], np.float32)
    outputs = model(image, training=False)
    maps = {head: np.asarray(value, np.float32) for head, value in last_stage(outputs).items()}
    shown = {"people/predicted": _people(image, maps, spec)}
    for head, predicted in maps.items():
        if head in BINS:  # the people show them
            continue
        people = slice(len(spec.skeleton.keypoints) if head == "heatmaps" else None)
        shown[f"{head}/predicted"] = glowing(image, predicted[..., people])
        target = batch.get(head, taught_maps(batch).get(head))
        if target is not None:
            target = np.asarray(target[:SHOWN], np.float32)
            shown[f"{head}/target"] = glowing(image, target[..., people])
    return shown


def write_sheet(shown: Mapping[str, Float], path: Path) -> None:
    """Writes previews as one picture, a row each; a disk that is full is logged.

    Args:
      shown: as `previews` gives them.
      path: of the picture.
    """
    tiles = [
        contact_sheet.fit((255 * picture[..., ::-1]).astype(np.uint8), TILE, TILE, name)
        for name, pictures in shown.items()
        for picture in pictures
    ]
    try:
        contact_sheet.write(
            path, contact_sheet.tile(tiles, columns=len(next(iter(shown.values()))))
        )
    except OSError as error:
        logging.error("no %s: %s", path, error)


def glowing(image: Float, maps: Float) -> Float:
    """Draws the strongest channel of the maps as a glow over the pictures.

    Args:
      image: (B, H, W, 3), 0..255.
      maps: (B, h, w, C); their absolute values show.

    Returns:
      (B, H, W, 3), 0..1.
    """
    glow = np.clip(np.abs(maps).max(axis=-1, keepdims=True), 0, 1)
    large = tf.image.resize(glow, image.shape[1:3], "bilinear").numpy()
    grey = image.mean(axis=-1, keepdims=True) / 255 * 0.5
    return np.asarray(
        np.clip(np.concatenate([grey + large, grey, grey + 0.2 * large], axis=-1), 0, 1), np.float32
    )


def _people(image: Float, maps: Mapping[str, Float], spec: PoseSpec) -> Float:
    drawn = [
        draw.skeletons(
            np.clip(picture, 0, 255).astype(np.uint8),
            spec.decode({head: values[index] for head, values in maps.items()}),
        )
        for index, picture in enumerate(image)
    ]
    return np.stack(drawn).astype(np.float32) / np.float32(255)
