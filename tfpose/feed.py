"""The batches of a run: a prepared data set, augmented, with targets; this worker's share."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import tensorflow as tf

from augment import policy
from estimator.arrays import Float
from estimator.spec import PoseSpec

from . import data_service, input_pipeline
from .recipe import Recipe

# What the step reads of a batch; `labelled` (B,) is 0 for pictures that only a teacher labels.
KEYS = ("image", "heatmaps", "pafs", "mask", "weights", "labelled", "keypoints")
TAUGHT = "taught."  # before a head's name: what a teacher answered
HINTS = ("hints", "hinted")  # a teacher's features (B, h, w, C), and (B,) 1 where they hold


@dataclass(frozen=True, kw_only=True, eq=False)
class Feed:
    """Batches without end.

    Attributes:
      batches: as `input_pipeline.training` gives them, of this process's size.
      examples: samples an epoch over all processes; None where that is unknown.
      known: where the batches hold a teacher's answers: (C,) by head, 1 for the channels that it
        knows.
      hints: channels of the batches' hints; 0 without.
    """

    batches: tf.data.Dataset
    examples: int | None
    known: Mapping[str, Float] | None = None
    hints: int = 0


def open_feed(recipe: Recipe, spec: PoseSpec, *, batch: int, worker: tuple[int, int]) -> Feed:
    """The feed that a recipe says.

    Args:
      recipe: names data set and policy.
      spec: of the network.
      batch: samples a step for this process.
      worker: this process's index, and how many there are.

    Raises:
      FileNotFoundError: the data set was not prepared.
      ValueError: it is empty, smaller than a batch, or its skeleton shares nothing with the spec's;
        the unlabelled pictures likewise, or the network is a top-down one, which needs boxes.
    """
    if recipe.canvases:
        from . import cached_feed  # it makes a `Feed`

        return cached_feed.open_cache(recipe, spec, batch=batch, worker=worker)
    if not recipe.dataset:
        from . import datasets  # the only part that needs tensorflow_datasets

        raise ValueError(f"the recipe names no data set; prepared ones: {datasets.names()}")
    if recipe.unlabelled and spec.image.fit == "crop":
        raise ValueError(f"{spec.model} reads people's boxes, and {recipe.unlabelled} has none")
    unlabelled = max(1, round(recipe.unlabelled_share * batch)) if recipe.unlabelled else 0
    if unlabelled == batch:
        raise ValueError(f"a batch of {batch} has no room for unlabelled pictures: raise --batch")
    batches, found = _prepared(
        recipe, spec, recipe.dataset, batch - unlabelled, worker, labelled=True
    )
    everywhere = unlabelled * worker[1]
    labelled = recipe.batch - everywhere
    check_size(found, labelled, f"{recipe.dataset} ({recipe.split})")
    if unlabelled:
        others, count = _prepared(
            recipe, spec, recipe.unlabelled, unlabelled, worker, labelled=False
        )
        check_size(count, everywhere, f"{recipe.unlabelled} ({recipe.split})")
        batches = _mixed(batches, others)
        found = found * recipe.batch // labelled if found else None
    if recipe.data_service:
        batches = data_service.distribute(batches, recipe.data_service)
    return Feed(batches=batches, examples=recipe.examples or found)


def _prepared(
    recipe: Recipe,
    spec: PoseSpec,
    name: str,
    batch: int,
    worker: tuple[int, int],
    *,
    labelled: bool,
) -> tuple[tf.data.Dataset, int | None]:
    """The batches of one prepared set, and its samples, where they are known."""
    from . import datasets

    records, skeleton = datasets.load(name, recipe.data_dir, recipe.split, labelled=labelled)
    pictures = int(records.cardinality())
    index, workers = worker
    changes = policy.get(recipe.policy)
    batches = input_pipeline.training(
        records.shard(workers, index) if workers > 1 else records,
        spec,
        skeleton=skeleton,
        policy=changes if labelled else replace(changes, empty=1.0),
        batch=batch,
        seed=recipe.seed,
        shuffle=recipe.shuffle,
        cache="" if recipe.cache else None,
        encoder=recipe.encoder,
    )
    # A top-down sample is a person; how many there are is not known before they are read.
    return batches, pictures if spec.image.fit == "letterbox" and pictures >= 0 else None


def _mixed(labelled: tf.data.Dataset, unlabelled: tf.data.Dataset) -> tf.data.Dataset:
    """Batches of both, with `labelled` (B,), 1 and 0."""

    def joined(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
        people = tf.maximum(tf.shape(first["keypoints"])[1], tf.shape(second["keypoints"])[1])
        parts = []
        for part, known in ((first, 1.0), (second, 0.0)):
            missing = people - tf.shape(part["keypoints"])[1]
            keypoints = tf.pad(part["keypoints"], ((0, 0), (0, missing), (0, 0), (0, 0)))
            marks = tf.fill([part["image"].shape[0]], known)
            parts.append({**part, "keypoints": keypoints, "labelled": marks})
        skipped = first["skipped"] + second["skipped"]
        together = {
            name: tf.concat([part[name] for part in parts], 0)
            for name in parts[0]
            if name != "skipped"
        }
        return together | {"skipped": skipped}

    return tf.data.Dataset.zip((labelled, unlabelled)).map(joined).prefetch(2)


def check_size(examples: int | None, batch: int, name: str) -> None:
    """A batch must fit into the data.

    Raises:
      ValueError: there are no samples, or fewer than a batch.
    """
    if examples == 0:
        raise ValueError(f"data set {name} is empty: prepare it anew, or choose another split")
    if examples is not None and examples < batch:
        raise ValueError(
            f"batch {batch} is larger than data set {name} with {examples} samples: lower --batch"
        )


def step_inputs(batch: Mapping[str, Any]) -> dict[str, Any]:
    """What the step reads of a batch."""
    keys = [key for key in KEYS if key in batch and (key != "keypoints" or "heatmaps" not in batch)]
    keys += [key for key in batch if key.startswith(TAUGHT) or key in HINTS]
    return {key: batch[key] for key in keys}


def answers(batch: Mapping[str, Any]) -> dict[str, Any]:
    """A teacher's maps in a batch, by head; none where it was not asked before."""
    return {
        name.removeprefix(TAUGHT): value for name, value in batch.items() if name.startswith(TAUGHT)
    }
