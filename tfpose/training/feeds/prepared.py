"""The batches of a run on prepared data sets: augmented, with targets; this process's share."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import tensorflow as tf
from absl import logging

from augment import policy
from estimator.skeleton import Skeleton, mapping
from estimator.spec import PoseSpec

from ... import datasets
from ...pipeline import batches, data_service
from ..recipe import Recipe
from .feed import Feed, check_size


def open_prepared(recipe: Recipe, spec: PoseSpec, *, batch: int, worker: tuple[int, int]) -> Feed:
    """The feed of a recipe's data set, with unlabelled pictures in each batch if it names some.

    Args:
      recipe: names data sets and policy.
      spec: of the network.
      batch: samples per step of this process.
      worker: this process's index, and the number of processes.

    Raises:
      FileNotFoundError: a data set was not prepared.
      ValueError: a set is empty, smaller than its share of a batch, or its skeleton shares no
        keypoint with the spec's.
    """
    unlabelled = _unlabelled_part(recipe, spec, batch)
    labelled = batch - unlabelled
    samples, found = _records(recipe, spec, recipe.dataset, labelled, worker, labelled=True)
    unlabelled_everywhere = unlabelled * worker[1]
    labelled_everywhere = recipe.batch - unlabelled_everywhere
    check_size(found, labelled_everywhere, f"{recipe.dataset} ({recipe.split})")
    if unlabelled:
        others, count = _records(
            recipe, spec, recipe.unlabelled, unlabelled, worker, labelled=False
        )
        check_size(count, unlabelled_everywhere, f"{recipe.unlabelled} ({recipe.split})")
        samples = _mixed(samples, others)
        found = found * recipe.batch // labelled_everywhere if found else None
    if recipe.data_service:
        samples = data_service.distribute(samples, recipe.data_service)
    return Feed(batches=samples, examples=recipe.examples or found)


def _unlabelled_part(recipe: Recipe, spec: PoseSpec, batch: int) -> int:
    """Unlabelled pictures per batch of this process."""
    if not recipe.unlabelled:
        return 0
    count = max(1, round(recipe.unlabelled_share * batch))
    if count == batch:
        raise ValueError(f"a batch of {batch} has no room for unlabelled pictures: raise --batch")
    return count


def _records(
    recipe: Recipe,
    spec: PoseSpec,
    name: str,
    batch: int,
    worker: tuple[int, int],
    *,
    labelled: bool,
) -> tuple[tf.data.Dataset, int | None]:
    """The batches of one prepared set, and the number of its samples, where that is known."""
    records, skeleton = datasets.load(name, recipe.data_dir, recipe.split, labelled=labelled)
    if labelled:
        _check_skeleton(name, skeleton, spec)
    pictures = int(records.cardinality())
    index, workers = worker
    changes = policy.get(recipe.policy)
    samples = batches.training(
        records.shard(workers, index) if workers > 1 else records,
        spec,
        skeleton=skeleton,
        policy=changes if labelled else replace(changes, empty=1.0),
        options=batches.BatchOptions(
            batch=batch,
            seed=recipe.seed,
            shuffle=recipe.shuffle,
            cache="" if recipe.cache else None,
            encoder=recipe.encoder,
            whole=not labelled,
        ),
    )
    # A top-down sample is a person, and people are counted only by reading all pictures.
    counted = spec.image.fit == "letterbox" or not labelled
    return samples, pictures if counted and pictures >= 0 else None


def _check_skeleton(name: str, skeleton: Skeleton, spec: PoseSpec) -> None:
    """Says which labels are passed over, where the network learns others."""
    unused = [part for part in skeleton.keypoints if part not in spec.skeleton.keypoints]
    if unused and mapping(skeleton, spec.skeleton).any():
        logging.warning(
            "%s of %s are not learnt: %s has %s. To learn them, give the labels' skeleton as "
            "--skeleton=NAME or --skeleton=FILE.json",
            ", ".join(unused),
            name,
            spec.skeleton.name,
            ", ".join(spec.skeleton.keypoints),
        )


def _mixed(labelled: tf.data.Dataset, unlabelled: tf.data.Dataset) -> tf.data.Dataset:
    """Batches of both, with `labelled` (B,), 1 and 0."""

    def joined(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
        people = tf.maximum(tf.shape(first["keypoints"])[1], tf.shape(second["keypoints"])[1])
        parts = []
        for part, mark in ((first, 1.0), (second, 0.0)):
            missing = people - tf.shape(part["keypoints"])[1]
            keypoints = tf.pad(part["keypoints"], ((0, 0), (0, missing), (0, 0), (0, 0)))
            marks = tf.fill([part["image"].shape[0]], mark)
            parts.append({**part, "keypoints": keypoints, "labelled": marks})
        skipped = first["skipped"] + second["skipped"]
        together = {
            name: tf.concat([part[name] for part in parts], 0)
            for name in parts[0]
            if name != "skipped"
        }
        return together | {"skipped": skipped}

    return tf.data.Dataset.zip((labelled, unlabelled)).map(joined).prefetch(2)
