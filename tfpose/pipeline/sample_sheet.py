"""A contact sheet of training samples, with the targets that the network would learn from them.

A row is a sample: the picture as prepared, with its people and the regions that the loss ignores;
the network's input after augmentation, with keypoints and mask; its heatmaps; its part affinity
fields.
"""

from collections.abc import Mapping

import cv2
import numpy as np
import tensorflow as tf

from augment.policy import AugmentPolicy
from estimator.arrays import Float, UInt8
from estimator.skeleton import Skeleton
from estimator.spec import PoseSpec

from ..data import contact_sheet
from . import batches

TILE = 320  # pixels, height and width
FULL_SATURATION = 255
ONE_COLUMN = 6  # samples; more are laid in two columns


def draw(
    records: tf.data.Dataset,
    spec: PoseSpec,
    *,
    skeleton: Skeleton,
    policy: AugmentPolicy | None,
    count: int,
    seed: int = 0,
    people: bool = True,
) -> UInt8:
    """Draws the sheet of the first samples.

    Args:
      records: as `tfpose.datasets.load` gives them.
      spec: of the network; its skeleton, sizes and parameters make the targets.
      skeleton: of the records.
      policy: of the augmentation; None lays pictures in as evaluation does.
      count: samples, at least 1; a top-down sample is one person.
      seed: of the augmentation.
      people: skip the pictures without people.

    Returns:
      (H, W, 3) BGR.

    Raises:
      ValueError: there are no samples, or spec, skeleton and policy do not suit each other.
    """
    if people:
        records = records.filter(lambda record: tf.reduce_any(record["keypoints"][..., 2] > 0))
    records = records.take(count)
    originals = {record["image_id"]: record for record in records.as_numpy_iterator()}
    options = batches.BatchOptions(batch=1, epochs=1, seed=seed, shuffle=1)
    if policy is None:
        samples = batches.evaluation(records, spec, skeleton=skeleton, options=options)
    else:
        samples = batches.training(records, spec, skeleton=skeleton, policy=policy, options=options)
    tiles: list[UInt8] = []
    for batch in samples.take(count).as_numpy_iterator():
        sample = {name: value[0] for name, value in batch.items() if np.ndim(value)}
        tiles += [_original(originals[sample["image_id"]], skeleton), *_sample(sample, spec)]
    if not tiles:
        raise ValueError("no samples to show: the split has no picture that can be read")
    columns = 4 if spec.outputs.pafs else 3
    return contact_sheet.tile(tiles, columns=columns * (1 + (count > ONE_COLUMN)))


def _original(record: Mapping[str, np.ndarray], skeleton: Skeleton) -> UInt8:
    picture = contact_sheet.decode(bytes(record["image"]))
    if record["ignore"]:
        mask = cv2.imdecode(np.frombuffer(record["ignore"], np.uint8), cv2.IMREAD_GRAYSCALE)
        size = (picture.shape[1], picture.shape[0])
        mask = cv2.resize(np.asarray(mask), size, interpolation=cv2.INTER_NEAREST)
        picture = contact_sheet.shade(picture, np.asarray(mask, np.uint8))
    thickness = max(1, round(max(picture.shape[:2]) / TILE))
    drawn = contact_sheet.draw_people(picture, record["keypoints"], skeleton, thickness=thickness)
    caption = f"{bytes(record['image_id']).decode()} {record['width']}x{record['height']}"
    return contact_sheet.fit(drawn, TILE, TILE, caption)


def _sample(sample: Mapping[str, np.ndarray], spec: PoseSpec) -> list[UInt8]:
    picture = np.ascontiguousarray(sample["image"][..., ::-1])
    lost = _enlarged(1 - sample["mask"], picture) if "mask" in sample else None
    masked = (
        picture if lost is None else contact_sheet.shade(picture, (lost > 0.5).astype(np.uint8))
    )
    drawn = contact_sheet.draw_people(masked, sample["keypoints"], spec.skeleton)
    count = len(spec.skeleton.keypoints)
    tiles = [
        contact_sheet.fit(drawn, TILE, TILE, f"input {picture.shape[1]}x{picture.shape[0]}"),
        contact_sheet.fit(_heat(_maps(sample)[..., :count], picture), TILE, TILE, "heatmaps"),
    ]
    if spec.outputs.pafs:
        tiles.append(contact_sheet.fit(_fields(sample["pafs"], picture), TILE, TILE, "fields"))
    return tiles


def _maps(sample: Mapping[str, np.ndarray]) -> Float:
    """The heatmaps (h, w, C); of SimCC's bins, the product of both rows of a keypoint."""
    if "heatmaps" in sample:
        return np.asarray(sample["heatmaps"])
    both = np.einsum("ky,kx->yxk", sample["simcc_y"], sample["simcc_x"])
    return np.asarray(both, np.float32)


def _heat(heatmaps: Float, picture: UInt8) -> UInt8:
    """All keypoints' heatmaps (h, w, K) over a grey picture, red where they are 1."""
    heat = _enlarged(heatmaps.max(axis=2), picture).clip(0, 1)[..., np.newaxis]
    colours = cv2.applyColorMap((255 * heat).astype(np.uint8), cv2.COLORMAP_JET)
    return np.asarray((1 - heat) * _grey(picture) + heat * colours, np.uint8)


def _fields(pafs: Float, picture: UInt8) -> UInt8:
    """All limbs' fields (h, w, 2L) over a grey picture: the direction as a hue."""
    vectors = pafs.reshape(*pafs.shape[:2], -1, 2)
    longest = np.linalg.norm(vectors, axis=3).argmax(axis=2)[..., np.newaxis, np.newaxis]
    vector = np.take_along_axis(vectors, longest, axis=2)[:, :, 0]  # (h, w, 2)
    vector = _enlarged(vector, picture)
    length = np.linalg.norm(vector, axis=2, keepdims=True).clip(0, 1)
    hue = (np.arctan2(vector[..., 1], vector[..., 0]) / (2 * np.pi) % 1 * 179)[..., np.newaxis]
    full = np.full_like(hue, FULL_SATURATION)
    colours = cv2.cvtColor(np.concatenate([hue, full, full], 2).astype(np.uint8), cv2.COLOR_HSV2BGR)
    return np.asarray((1 - length) * _grey(picture) + length * colours, np.uint8)


def _enlarged(maps: Float, picture: UInt8) -> Float:
    size = (picture.shape[1], picture.shape[0])
    return np.asarray(cv2.resize(maps, size, interpolation=cv2.INTER_LINEAR), np.float32)


def _grey(picture: UInt8) -> UInt8:
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    return np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR), np.uint8)
