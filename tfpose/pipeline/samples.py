"""One record to one sample: mapped keypoints, one drawn matrix, one decoding, one sampling."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import tensorflow as tf

from augment import affine, colour, sampling, warp
from augment.policy import AugmentPolicy
from estimator.skeleton import Skeleton, mapping
from estimator.spec import PoseSpec

from . import decoding

Fields: TypeAlias = dict[str, tf.Tensor]
Maker: TypeAlias = Callable[[Fields], Fields]


def maker(spec: PoseSpec, skeleton: Skeleton, policy: AugmentPolicy | None, seed: int) -> Maker:
    """Makes the function from a record to a sample, for Dataset.map.

    Args:
      spec: of the network; `spec.image.fit` "crop" makes top-down samples.
      skeleton: of the records.
      policy: None lays the picture, or the box, into the input as the estimator does.
      seed: any integer.

    Returns:
      From a record with `epoch` and `person` (and for a top-down sample that person alone) to
      `image` (H, W, 3) uint8, `keypoints` (P, K, 3) in pixels of the input, `matrix` (3, 3) from
      picture to input, `image_id`, `person`, `readable` (False where the picture or mask is not),
      and for a bottom-up sample `mask` (h, w), 1 where the loss counts.

    Raises:
      ValueError: the skeletons share no keypoint, or the policy does not suit a top-down sample.
    """
    check_skeletons(skeleton, spec.skeleton)
    top_down = spec.image.fit == "crop"

    def make(record: Fields) -> Fields:
        record = record | {"keypoints": to_skeleton(record["keypoints"], skeleton, spec.skeleton)}
        drawn = _draw(record, spec, policy, seed)
        index = decoding.ratio_for(affine.largest_factor(drawn.matrix))
        image, ignore, readable = decoding.decode(
            record["image"], record["ignore"], index, record["height"], record["width"]
        )
        sample = {
            "image": _picture(image, drawn, index, spec, policy),
            "keypoints": _people(record["keypoints"], drawn, spec),
            "matrix": drawn.matrix,
            "image_id": record["image_id"],
            "person": record["person"],
            "readable": readable,
        }
        return sample if top_down else sample | {"mask": _mask(ignore, record, drawn.matrix, spec)}

    return make


def check_skeletons(source: Skeleton, target: Skeleton) -> None:
    """Refuses data whose keypoints give none of the network's, with a ValueError."""
    if not mapping(source, target).any():
        raise ValueError(
            f"skeleton {source.name!r} of the data has none of the keypoints of {target.name!r}, "
            "which the network learns: give the data's own as --skeleton=NAME or "
            "--skeleton=FILE.json, or give their keypoints the same names"
        )


def to_skeleton(keypoints: tf.Tensor, source: Skeleton, target: Skeleton) -> tf.Tensor:
    """Keypoints (P, Ks, 3) of one skeleton as (P, Kt, 3) of another, by `skeleton.mapping`.

    A derived keypoint is the mean of its sources, with their lowest visibility; one that a source
    is missing for, or that the data does not have, is not labelled.
    """
    if source.keypoints == target.keypoints:
        return keypoints
    weights = mapping(source, target)  # (Kt, Ks)
    needed = weights > 0
    xy = tf.einsum("ts,psc->ptc", weights, keypoints[..., :2])
    visibility = tf.reduce_min(tf.where(needed, keypoints[:, None, :, 2], 2.0), axis=2)
    visibility = tf.where(needed.any(axis=1), visibility, 0.0)[..., None]
    return tf.concat([tf.where(visibility > 0, xy, 0.0), visibility], axis=-1)


def _draw(
    record: Fields, spec: PoseSpec, policy: AugmentPolicy | None, seed: int
) -> sampling.Sample:
    top_down = spec.image.fit == "crop"
    drawn = sampling.draw(
        policy or AugmentPolicy(),
        spec.skeleton,
        sampling.Scene(*(record[name] for name in sampling.Scene._fields)),
        sampling.seed_of(record["image_id"], record["person"], record["epoch"], seed),
        height=spec.image.height,
        width=spec.image.width,
        box_padding=spec.image.box_padding if top_down else None,
    )
    if policy is None and not top_down:
        return drawn._replace(
            matrix=letterbox(record["height"], record["width"], spec.image.height, spec.image.width)
        )
    return drawn


def letterbox(
    picture_height: tf.Tensor, picture_width: tf.Tensor, height: int, width: int
) -> tf.Tensor:
    """(3, 3) float32: `estimator.geometry.letterbox` in the graph, to the last whole pixel."""
    picture = tf.cast(tf.stack([picture_width, picture_height]), tf.float64)
    room = tf.constant([width, height], tf.float64)
    inner = tf.clip_by_value(tf.round(picture * tf.reduce_min(room / picture)), 1.0, room)
    corner = tf.cast(tf.floor((room - inner) / 2), tf.float32)
    factor = tf.cast(inner / picture, tf.float32)
    return affine.product(
        affine.translation(corner[0], corner[1]), affine.resizing(factor[0], factor[1])
    )


def _picture(
    image: tf.Tensor,
    drawn: sampling.Sample,
    index: tf.Tensor,
    spec: PoseSpec,
    policy: AugmentPolicy | None,
) -> tf.Tensor:
    matrix = affine.product(drawn.matrix, decoding.ratio_matrix(index))
    warped = warp.warp_image(
        image, matrix, drawn.fill, height=spec.image.height, width=spec.image.width
    )
    if policy is None or not policy.changes_colours:
        return warped
    return colour.adjust(warped, drawn.gain, drawn.contrast, drawn.blurred)


def _people(keypoints: tf.Tensor, drawn: sampling.Sample, spec: PoseSpec) -> tf.Tensor:
    moved = warp.warp_keypoints(
        keypoints, drawn.matrix, height=spec.image.height, width=spec.image.width
    )
    moved = affine.swap_sides(moved, drawn.flipped, spec.skeleton)
    return tf.ensure_shape(moved, [None, len(spec.skeleton.keypoints), 3])


def _mask(ignore: tf.Tensor, record: Fields, matrix: tf.Tensor, spec: PoseSpec) -> tf.Tensor:
    stride = spec.outputs.stride
    height, width = spec.image.height, spec.image.width
    ratio = tf.cast(decoding.mask_ratio(ignore, record["height"], record["width"]), tf.float32)
    matrix = affine.product(matrix, affine.resizing(ratio, ratio))
    mask = tf.cond(
        tf.size(ignore) > 0,
        lambda: warp.warp_mask(ignore, matrix, height=height, width=width, stride=stride),
        lambda: tf.ones([height // stride, width // stride]),
    )
    return tf.ensure_shape(mask, [height // stride, width // stride])
