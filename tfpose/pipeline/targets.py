"""Keypoints to heatmaps, part affinity fields and weights, in the graph.

Part affinity fields: Cao et al. 2017 (arXiv:1611.08050, section 2.3), with the limb's ends rounded:
a cell belongs to a limb when it is within the thickness of the segment. Heatmaps: a Gaussian a
keypoint, people combined by max (the same paper, section 2.2).

Everything is vectorised over a batch's people. The work grows with the rows of the maps that
keypoints and limbs touch, not with people times maps: each touched row is drawn as a whole, and the
rows of one channel are combined by a segment maximum or sum. These shapes depend on the data, which
keras.ops cannot express on all backends, so this is TensorFlow; it runs inside Dataset.map and in
the trainer's graph. The older encoding of a published program is in
`targets_lightweight_openpose`.
"""

import math

import tensorflow as tf

from estimator.decoders.simcc import sigma as simcc_sigma
from estimator.skeleton import Skeleton
from estimator.spec import PoseSpec

_REACH = 4.0  # sigmas at which a Gaussian ends; it is 0.0003 there


def render(keypoints: tf.Tensor, spec: PoseSpec) -> dict[str, tf.Tensor]:
    """Renders the targets of a network for a batch.

    Args:
      keypoints: (B, P, K, 3) x, y in pixels of the input and visibility, 0 where not labelled or
        outside; pictures with fewer people are padded with zeros.
      spec: gives skeleton, sizes and parameters.

    Returns:
      `heatmaps` (B, h, w, K or K + 1) and, as the spec says, `pafs` (B, h, w, 2L); or `simcc_x` and
      `simcc_y`, see `bins`; float32.

    Raises:
      ValueError: `keypoints` has another rank, or another number of keypoints than the skeleton, or
        the network gives boxes.
    """
    keypoints = tf.convert_to_tensor(keypoints, tf.float32)
    count = len(spec.skeleton.keypoints)
    if keypoints.shape.rank != 4 or keypoints.shape[2:] != (count, 3):
        raise ValueError(f"keypoints must be (B, P, {count}, 3), found {keypoints.shape}")
    if spec.answers == "boxes":
        raise ValueError(
            f"{spec.model} gives boxes, for which there are no targets here: "
            "`tfpose distil-boxes` trains it"
        )
    if spec.outputs.simcc:
        return bins(keypoints[:, 0], spec)
    stride = spec.outputs.stride
    height, width = spec.image.height // stride, spec.image.width // stride
    cells = _to_cells(keypoints, stride)
    targets = {
        "heatmaps": heatmaps(
            cells,
            sigma=spec.outputs.sigma / stride,
            height=height,
            width=width,
            background=spec.outputs.background,
        )
    }
    if spec.outputs.pafs:
        targets["pafs"] = pafs(
            cells,
            spec.skeleton,
            thickness=spec.outputs.paf_thickness,
            height=height,
            width=width,
        )
    return targets


def bins(keypoints: tf.Tensor, spec: PoseSpec) -> dict[str, tf.Tensor]:
    """Draws each labelled keypoint of a person as a Gaussian along x, and one along y.

    The deviation is `estimator.decoders.simcc.sigma`'s. mmpose rounds a keypoint to a whole bin
    first (`codecs/simcc_label.py`); here its place is exact.

    Args:
      keypoints: (B, K, 3) x, y in pixels of the input and visibility.
      spec: gives the input's size and the split ratio.

    Returns:
      `simcc_x` (B, K, X) and `simcc_y` (B, K, Y), float32, 0..1; zeros where not labelled.
    """
    labelled = tf.cast(keypoints[..., 2:] > 0, tf.float32)
    drawn = {}
    for axis, (name, shape) in enumerate(spec.shapes().items()):
        count = shape[1]
        place = (keypoints[..., axis : axis + 1] + 0.5) * spec.outputs.simcc - 0.5
        distance = tf.range(count, dtype=tf.float32) - place
        drawn[name] = labelled * _gaussian(distance, simcc_sigma(count))
    return drawn


def _to_cells(keypoints: tf.Tensor, stride: int) -> tf.Tensor:
    """Pixels of the input as cells of the maps: `estimator.geometry.input_to_map`."""
    xy = (keypoints[..., :2] + 0.5) / stride - 0.5
    return tf.concat([xy, keypoints[..., 2:]], axis=-1)


def heatmaps(
    cells: tf.Tensor, *, sigma: float, height: int, width: int, background: bool
) -> tf.Tensor:
    """Draws a Gaussian around each labelled keypoint, people combined by max.

    Args:
      cells: (B, P, K, 3) x, y in cells and visibility.
      sigma: cells.
      height, width: of the map, cells.
      background: appends a channel of 1 - max of the others.

    Returns:
      (B, height, width, K or K + 1) float32, 0..1.
    """
    batch, count = tf.shape(cells)[0], cells.shape[2]
    where = tf.where(cells[..., 2] > 0)  # (M, 3): b, p, k
    xy = tf.gather_nd(cells[..., :2], where)  # (M, 2)
    across = _gaussian(tf.range(width, dtype=tf.float32) - xy[:, :1], sigma)  # (M, width)
    reach = math.ceil(_REACH * sigma)
    row = tf.round(xy[:, 1:]) + tf.range(-reach, reach + 1, dtype=tf.float32)  # (M, R)
    down = _gaussian(row - xy[:, 1:], sigma)  # (M, R)
    channel = tf.cast(where[:, 0] * count + where[:, 2], tf.int32)[:, None]
    inside = (row >= 0) & (row < height)
    place = tf.where(inside, channel * height + tf.cast(row, tf.int32), -1)  # -1: dropped
    rows = tf.math.unsorted_segment_max(
        tf.reshape(down[:, :, None] * across[:, None, :], [-1, width]),
        tf.reshape(place, [-1]),
        batch * count * height,
    )
    # Untouched rows hold the lowest float.
    maps = tf.reshape(tf.maximum(rows, 0.0), [batch, count, height, width])
    if background:
        maps = tf.concat([maps, 1 - tf.reduce_max(maps, axis=1, keepdims=True)], axis=1)
    return tf.transpose(maps, [0, 2, 3, 1])


def _gaussian(distance: tf.Tensor, sigma: float) -> tf.Tensor:
    return tf.exp(tf.square(distance) * (-0.5 / sigma**2))


def pafs(
    cells: tf.Tensor, skeleton: Skeleton, *, thickness: float, height: int, width: int
) -> tf.Tensor:
    """Draws each limb's direction on the cells within its thickness, people averaged.

    Args:
      cells: (B, P, K, 3) x, y in cells and visibility.
      skeleton: L limbs; a limb is drawn where both its keypoints are labelled and apart.
      thickness: half the width of a limb's field, cells.
      height, width: of the map, cells.

    Returns:
      (B, height, width, 2L) float32: unit vectors, x before y.
    """
    batch, limbs = tf.shape(cells)[0], len(skeleton.limbs)
    start = tf.gather(cells, [limb[0] for limb in skeleton.limbs], axis=2)  # (B, P, L, 3)
    end = tf.gather(cells, [limb[1] for limb in skeleton.limbs], axis=2)
    difference = end[..., :2] - start[..., :2]
    length = tf.norm(difference, axis=-1)
    drawn = (start[..., 2] > 0) & (end[..., 2] > 0) & (length > 1e-6)
    where = tf.where(drawn)  # (M, 3): b, p, l
    length = tf.gather_nd(length, where)[:, None]
    limb = tf.concat(
        [
            tf.gather_nd(start[..., :2], where),
            tf.gather_nd(difference, where) / length,
            length,
            tf.cast(where[:, :1] * limbs + where[:, 2:], tf.float32),
        ],
        axis=1,
    )  # (M, 6): x, y, direction x, direction y, length, channel
    rows = tf.range(height, dtype=tf.float32)
    ends = tf.stack([limb[:, 1], limb[:, 1] + limb[:, 3] * limb[:, 4]], axis=1)
    lowest = tf.reduce_min(ends, axis=1, keepdims=True) - thickness
    highest = tf.reduce_max(ends, axis=1, keepdims=True) + thickness
    touched = tf.where((rows >= lowest) & (rows <= highest))  # (R, 2): limb, row
    limb = tf.gather(limb, touched[:, 0])  # (R, 6)
    row = tf.cast(touched[:, 1], tf.float32)[:, None]
    member = _within(limb, row, tf.range(width, dtype=tf.float32), thickness)  # (R, width)
    place = tf.cast(limb[:, 5], tf.int32) * height + tf.cast(touched[:, 1], tf.int32)
    total = tf.math.unsorted_segment_sum(
        tf.stack([member, member * limb[:, 2:3], member * limb[:, 3:4]], axis=1),
        place,
        batch * limbs * height,
    )  # (B * L * height, 3, width)
    mean = total[:, 1:] / tf.maximum(total[:, :1], 1.0)
    fields = tf.reshape(mean, [batch, limbs, height, 2, width])
    fields = tf.transpose(fields, [0, 2, 4, 1, 3])  # (B, height, width, L, 2)
    return tf.reshape(fields, [batch, height, width, 2 * limbs])


def _within(limb: tf.Tensor, row: tf.Tensor, columns: tf.Tensor, thickness: float) -> tf.Tensor:
    """(R, width): 1 for the cells of a row that are within the thickness of the row's limb."""
    across, down = columns - limb[:, 0:1], row - limb[:, 1:2]
    along = across * limb[:, 2:3] + down * limb[:, 3:4]
    aside = across * limb[:, 3:4] - down * limb[:, 2:3]
    beyond = along - tf.clip_by_value(along, 0.0, limb[:, 4:5])
    return tf.cast(tf.square(aside) + tf.square(beyond) <= thickness**2, tf.float32)


def weights(keypoints: tf.Tensor) -> tf.Tensor:
    """The weights of a top-down loss: (B, K) float32, 1 where the person has the keypoint.

    Args:
      keypoints: (B, 1, K, 3) x, y, visibility.
    """
    return tf.cast(keypoints[:, 0, :, 2] > 0, tf.float32)
