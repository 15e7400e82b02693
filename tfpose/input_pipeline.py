"""Records to batches: read, shuffle, decode, augment, batch, draw the targets, prefetch.

The only assembly of tf.data: one map a sample and one a batch, all in the graph. Order and random
numbers depend on the seed, the epoch and the record alone, so that the same call gives the same
batches, and a checkpoint of the iterator resumes with the very next one:

    iterator = iter(input_pipeline.training(...))
    checkpoint = tf.train.Checkpoint(iterator=iterator)
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, get_args

import numpy as np
import tensorflow as tf

from augment.policy import AugmentPolicy
from estimator.skeleton import Skeleton
from estimator.spec import PoseSpec

from . import legacy_targets, samples, targets
from .records import Record

_FOREVER = 2**31 - 1  # epochs
Encoder = Literal["default", "lightweight_openpose", "none"]


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
    batch: int,
    epochs: int | None = None,
    seed: int = 0,
    shuffle: int = 1024,
    cache: str | None = None,
    encoder: Encoder = "default",
    threads: int | None = None,
) -> tf.data.Dataset:
    """Whole batches to train on; a batch may hold the end of one epoch and the start of the next.

    A bottom-up sample is a picture with all its people, a top-down one (`spec.image.fit` "crop") a
    labelled person with a box. Pictures that cannot be read are named on stderr and skipped.

    Args:
      records: dicts with the fields of `Record`; in the same order at every iteration.
      spec: the network's contract: skeleton, sizes, parameters of the targets.
      skeleton: of the records' keypoints.
      policy: what the samples undergo.
      batch: samples a batch.
      epochs: None goes on for ever.
      seed: of order and augmentation.
      shuffle: samples that wait, encoded, to be drawn from; 1 keeps the order. Shards are shuffled
        by whoever reads them.
      cache: keeps the encoded records after the first epoch: "" in memory, a path in files there.
        None reads them anew each time.
      encoder: of the targets; "none" leaves `keypoints` to be rendered in the trainer's graph by
        `targets.render`.
      threads: of this pipeline; None leaves it to tf.data.

    Returns:
      Dicts: `image` (B, H, W, 3) uint8 RGB; `heatmaps` and `pafs` as `targets.render` gives them;
      `mask` (B, h, w), 1 where the loss counts, or, top-down, `weights` (B, K); `keypoints`
      (B, P, K, 3) in pixels of the input, zeros behind a picture's last person; `matrix`
      (B, 3, 3) from picture to input; `image_id` and `person` (B,); `skipped`, how many
      samples have been skipped so far.

    Raises:
      ValueError: there are no records, a number is below 1, the skeletons share no keypoint, or
        policy and spec do not suit each other.
    """
    for name, value in (
        ("batch", batch),
        ("shuffle", shuffle),
        ("epochs", 1 if epochs is None else epochs),
    ):
        if value < 1:
            raise ValueError(f"{name} must be at least 1, found {value}")
    if records.cardinality() == 0:
        raise ValueError("there are no records: a data set needs at least one")
    if cache is not None:
        records = records.cache(cache)
    top_down = spec.image.fit == "crop"

    def epoch_of(epoch: tf.Tensor) -> tf.data.Dataset:
        dataset = records.map(lambda record: _of_epoch(record, epoch))
        if policy.empty < 1:
            dataset = dataset.filter(lambda record: _keeps(record, policy.empty, seed))
        if top_down:
            dataset = dataset.flat_map(_one_by_one)
        if shuffle == 1:
            return dataset
        # Of this function's graph alone: the order is ours, whatever tf.random.set_seed was told
        # outside (and a 0 there cannot be compared with a seed that is a tensor).
        tf.random.set_seed(1)
        return dataset.shuffle(shuffle, seed=epoch + seed * 2**32, reshuffle_each_iteration=False)

    dataset = tf.data.Dataset.range(epochs or _FOREVER).flat_map(epoch_of)
    make = samples.maker(spec, skeleton, policy, seed)
    return _batched(dataset, spec, make, batch, encoder, threads, remainder=False)


def evaluation(
    records: tf.data.Dataset,
    spec: PoseSpec,
    *,
    skeleton: Skeleton,
    batch: int,
    encoder: Encoder = "default",
    threads: int | None = None,
) -> tf.data.Dataset:
    """Every sample once, in order, unchanged: laid into the input as the estimator does it.

    Arguments and batches are those of `training`; the last batch may be smaller.
    """
    dataset = records.map(lambda record: _of_epoch(record, 0))
    if spec.image.fit == "crop":
        dataset = dataset.flat_map(_one_by_one)
    make = samples.maker(spec, skeleton, None, 0)
    return _batched(dataset, spec, make, batch, encoder, threads, remainder=True)


def _of_epoch(record: samples.Fields, epoch: tf.Tensor) -> samples.Fields:
    names = ("image", "image_id", "height", "width", "keypoints", "boxes", "areas", "ignore")
    person = tf.constant(0, tf.int64)
    return {name: record[name] for name in names} | {"epoch": epoch, "person": person}


def _keeps(record: samples.Fields, share: float, seed: int) -> tf.Tensor:
    """True with people, and for a share of the records without."""
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


def _batched(
    dataset: tf.data.Dataset,
    spec: PoseSpec,
    make: samples.Maker,
    batch: int,
    encoder: Encoder,
    threads: int | None,
    *,
    remainder: bool,
) -> tf.data.Dataset:
    """Samples, batches, targets; with the options that make it fast and repeatable."""
    dataset = dataset.map(make, num_parallel_calls=threads or tf.data.AUTOTUNE)
    dataset = dataset.scan(tf.constant(0, tf.int64), _count).filter(lambda sample: sample["fine"])
    dataset = dataset.padded_batch(batch, drop_remainder=not remainder)
    dataset = dataset.map(lambda sample: _with_targets(sample, spec, encoder))
    options = tf.data.Options()
    options.deterministic = True
    options.threading.max_intra_op_parallelism = 1  # samples run side by side, not their parts
    # The data sets of one element in `pictures`, and tf.print, count as state that a checkpoint
    # can't hold; they have none.
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
            tf.strings.join(["input_pipeline: skipped ", sample["image_id"], reason])
        )
        with tf.control_dependencies([printed]):
            return skipped + 1

    skipped = tf.cond(sample["fine"], lambda: skipped, name)
    return skipped, sample | {"skipped": skipped}


def _with_targets(sample: samples.Fields, spec: PoseSpec, encoder: Encoder) -> samples.Fields:
    keypoints = sample["keypoints"]
    sample = {name: part for name, part in sample.items() if name != "fine"}
    sample["skipped"] = tf.reduce_max(sample["skipped"])
    if spec.image.fit == "crop":
        sample["weights"] = targets.weights(keypoints)
    if encoder == "default":
        return sample | targets.render(keypoints, spec)
    if encoder == "lightweight_openpose":
        return sample | legacy_targets.render(keypoints, spec)
    if encoder == "none":
        return sample
    raise ValueError(f"encoder must be one of {', '.join(get_args(Encoder))}, found {encoder!r}")
