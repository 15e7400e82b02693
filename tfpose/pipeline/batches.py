"""Records to batches: read, shuffle, decode, augment, batch, draw the targets, prefetch.

The only assembly of tf.data: one map per sample and one per batch, all in the graph. Order and
random numbers depend on the seed, the epoch and the record alone, so that the same call gives the
same batches, and a checkpoint of the iterator resumes with the very next one:

    iterator = iter(batches.training(...))
    checkpoint = tf.train.Checkpoint(iterator=iterator)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Literal, get_args

import numpy as np
import tensorflow as tf

from augment.policy import AugmentPolicy
from estimator.skeleton import Skeleton
from estimator.spec import PoseSpec

from ..data.records import Record
from . import samples, targets, targets_lightweight_openpose

_FOREVER = 2**31 - 1  # epochs
Encoder = Literal["default", "lightweight_openpose", "none"]


@dataclass(frozen=True, kw_only=True)
class BatchOptions:
    """How records become batches.

    Attributes:
      batch: samples per batch.
      epochs: passes through the records; None repeats for ever.
      seed: of order and augmentation.
      shuffle: shuffle-buffer size, in encoded samples; 1 keeps the order. Whoever reads the shards
        shuffles them.
      cache: keeps the encoded records after the first epoch: "" in memory, a path in files there.
        None reads them anew each time.
      encoder: of the targets; "none" leaves `keypoints` to be rendered in the trainer's graph by
        `targets.render`.
      threads: of this pipeline; None leaves the number to tf.data.
      whole: a top-down sample is a whole picture, without labels, that fills the input.
    """

    batch: int
    epochs: int | None = None
    seed: int = 0
    shuffle: int = 1024
    cache: str | None = None
    encoder: Encoder = "default"
    threads: int | None = None
    whole: bool = False

    def __post_init__(self) -> None:
        for name in ("batch", "shuffle", "epochs"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} must be at least 1, found {value}")
        if self.encoder not in get_args(Encoder):
            raise ValueError(
                f"encoder must be one of {', '.join(get_args(Encoder))}, found {self.encoder!r}"
            )


def from_records(records: Iterable[Record]) -> tf.data.Dataset:
    """A data set of the records' fields, for tests and for sets that fit into memory.

    Raises:
      ValueError: there are none.
    """
    kept = list(records)
    if not kept:
        raise ValueError("there are no records: a data set needs at least one")
    arrays = ("keypoints", "boxes", "areas")
    columns = {
        name: [getattr(record, name) for record in kept]
        for name in ("image", "image_id", "height", "width", "ignore")
    } | {
        name: [np.asarray(getattr(record, name), "<f4").tobytes() for record in kept]
        for name in arrays
    }
    shapes = {"keypoints": (-1, *kept[0].keypoints.shape[1:]), "boxes": (-1, 4), "areas": (-1,)}

    def restore(record: samples.Fields) -> samples.Fields:
        return record | {
            name: tf.reshape(tf.io.decode_raw(record[name], tf.float32), shapes[name])
            for name in arrays
        }

    return tf.data.Dataset.from_tensor_slices(columns).map(restore)


def training(
    records: tf.data.Dataset,
    spec: PoseSpec,
    *,
    skeleton: Skeleton,
    policy: AugmentPolicy,
    options: BatchOptions,
) -> tf.data.Dataset:
    """Makes whole batches to train on; a batch may hold the end of one epoch and the next's start.

    A bottom-up sample is a picture with all its people, a top-down one (`spec.image.fit` "crop") a
    labelled person with a box. Pictures that cannot be read are named on stderr and skipped.

    Args:
      records: dicts with the fields of `Record`; in the same order at every iteration.
      spec: the network's contract: skeleton, sizes, parameters of the targets.
      skeleton: of the records' keypoints.
      policy: of the augmentation.
      options: sizes, order and targets.

    Returns:
      Dicts: `image` (B, H, W, 3) uint8 RGB; `heatmaps` and `pafs` as `targets.render` gives them;
      `mask` (B, h, w), 1 where the loss counts, or, top-down, `weights` (B, K); `keypoints`
      (B, P, K, 3) in pixels of the input, zeros behind a picture's last person; `matrix`
      (B, 3, 3) from picture to input; `image_id` and `person` (B,); `skipped`, the number of
      samples skipped so far.

    Raises:
      ValueError: there are no records, the skeletons share no keypoint, or policy and spec do not
        suit each other.
    """
    if records.cardinality() == 0:
        raise ValueError("there are no records: a data set needs at least one")
    if options.cache is not None:
        records = records.cache(options.cache)
    epochs = tf.data.Dataset.range(options.epochs or _FOREVER)
    padding = spec.image.box_padding if spec.image.fit == "crop" else None
    dataset = epochs.flat_map(lambda epoch: _epoch(records, epoch, policy, options, padding))
    make = samples.maker(spec, skeleton, policy, options.seed)
    return _batched(dataset, spec, make, options, remainder=False)


def evaluation(
    records: tf.data.Dataset, spec: PoseSpec, *, skeleton: Skeleton, options: BatchOptions
) -> tf.data.Dataset:
    """Makes batches of every sample once, in order, unchanged: laid in as the estimator does it.

    Arguments and batches are those of `training`, without `epochs`, `seed`, `shuffle` and `cache`;
    the last batch may be smaller.
    """
    dataset = records.map(lambda record: _of_epoch(record, 0))
    if spec.image.fit == "crop":
        dataset = dataset.flat_map(_one_by_one)
    make = samples.maker(spec, skeleton, None, 0)
    return _batched(dataset, spec, make, options, remainder=True)


def _epoch(
    records: tf.data.Dataset,
    epoch: tf.Tensor,
    policy: AugmentPolicy,
    options: BatchOptions,
    padding: float | None,
) -> tf.data.Dataset:
    """The samples of one epoch, encoded, in their order.

    `padding` is the factor on a top-down network's boxes; None for one that reads pictures.
    """
    dataset = records.map(lambda record: _of_epoch(record, epoch))
    if policy.empty < 1:
        dataset = dataset.filter(lambda record: _keeps(record, policy.empty, options.seed))
    if padding is not None and options.whole:
        dataset = dataset.map(partial(_whole, padding=padding))
    elif padding is not None:
        dataset = dataset.flat_map(_one_by_one)
    if options.shuffle == 1:
        return dataset
    # Of this function's graph alone: tf.random.set_seed outside of it changes no order (and a 0
    # there cannot be compared with a seed that is a tensor).
    tf.random.set_seed(1)
    seed = epoch + options.seed * 2**32
    return dataset.shuffle(options.shuffle, seed=seed, reshuffle_each_iteration=False)


def _of_epoch(record: samples.Fields, epoch: tf.Tensor) -> samples.Fields:
    names = ("image", "image_id", "height", "width", "keypoints", "boxes", "areas", "ignore")
    person = tf.constant(0, tf.int64)
    return {name: record[name] for name in names} | {"epoch": epoch, "person": person}


def _keeps(record: samples.Fields, share: float, seed: int) -> tf.Tensor:
    """True for records with people, and for a share of those without."""
    draw = tf.random.stateless_uniform(
        [],
        tf.stack(
            [
                tf.strings.to_hash_bucket_fast(record["image_id"], 2**62),
                tf.cast(record["epoch"], tf.int64) + seed * 2**32 + 2**31,
            ]
        ),
    )
    return tf.reduce_any(record["keypoints"][..., 2] > 0) | (draw < share)


def _one_by_one(record: samples.Fields) -> tf.data.Dataset:
    """The record's people who have a keypoint and a box, each as a record of its own."""
    usable = tf.reduce_any(record["keypoints"][..., 2] > 0, axis=1)
    usable &= tf.reduce_all(record["boxes"][:, 2:] > 0, axis=1)

    def alone(person: tf.Tensor) -> samples.Fields:
        own = {name: record[name][person : person + 1] for name in ("keypoints", "boxes", "areas")}
        return record | own | {"person": person}

    return tf.data.Dataset.from_tensor_slices(tf.where(usable)[:, 0]).map(alone)


def _whole(record: samples.Fields, padding: float) -> samples.Fields:
    """The record as one person without labels, whose padded box is the picture."""
    width, height = (tf.cast(record[name], tf.float32) for name in ("width", "height"))
    wide, high = width / padding, height / padding
    box = tf.stack([(width - wide) / 2 - 0.5, (height - high) / 2 - 0.5, wide, high])
    count = record["keypoints"].shape[1]
    return record | {
        "keypoints": tf.zeros([1, count, 3]),
        "boxes": box[tf.newaxis],
        "areas": tf.reshape(wide * high, [1]),
    }


def _batched(
    dataset: tf.data.Dataset,
    spec: PoseSpec,
    make: samples.Maker,
    sizes: BatchOptions,
    *,
    remainder: bool,
) -> tf.data.Dataset:
    """Makes samples, batches and targets; with the options that make it fast and repeatable."""
    threads = sizes.threads
    dataset = dataset.map(make, num_parallel_calls=threads or tf.data.AUTOTUNE)
    dataset = dataset.scan(tf.constant(0, tf.int64), _count).filter(
        lambda sample: sample["readable"]
    )
    dataset = dataset.padded_batch(sizes.batch, drop_remainder=not remainder)
    dataset = dataset.map(lambda sample: _with_targets(sample, spec, sizes.encoder))
    options = tf.data.Options()
    options.deterministic = True
    options.threading.max_intra_op_parallelism = 1  # samples run in parallel, not their parts
    # TensorFlow counts `decoding`'s data sets of one element, and tf.print, as state that a
    # checkpoint can't hold; they have none.
    options.experimental_external_state_policy = tf.data.experimental.ExternalStatePolicy.IGNORE
    if threads is not None:
        options.threading.private_threadpool_size = threads
    return dataset.prefetch(2).with_options(options)


def _count(skipped: tf.Tensor, sample: samples.Fields) -> tuple[tf.Tensor, samples.Fields]:
    """Counts the samples that cannot be read, and names them."""

    def name() -> tf.Tensor:
        reason = (
            " (its picture or ignore mask is truncated, neither JPEG nor PNG, or not as large as "
            "the record says)"
        )
        printed = tf.print(
            tf.strings.join(["input pipeline: skipped ", sample["image_id"], reason])
        )
        with tf.control_dependencies([printed]):
            return skipped + 1

    skipped = tf.cond(sample["readable"], lambda: skipped, name)
    return skipped, sample | {"skipped": skipped}


def _with_targets(sample: samples.Fields, spec: PoseSpec, encoder: Encoder) -> samples.Fields:
    keypoints = sample["keypoints"]
    sample = {name: part for name, part in sample.items() if name != "readable"}
    sample["skipped"] = tf.reduce_max(sample["skipped"])
    if spec.image.fit == "crop":
        sample["weights"] = targets.weights(keypoints)
    if encoder == "default":
        return sample | targets.render(keypoints, spec)
    if encoder == "lightweight_openpose":
        return sample | targets_lightweight_openpose.render(keypoints, spec)
    return sample
