"""The batches of a run: a prepared data set, augmented, with targets; this worker's share."""

from collections.abc import Mapping
from dataclasses import dataclass
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
      ValueError: it is empty, smaller than a batch, or its skeleton shares nothing with the spec's.
    """
    if recipe.canvases:
        from . import cached_feed  # it makes a `Feed`

        return cached_feed.open_cache(recipe, spec, batch=batch, worker=worker)
    from . import datasets  # the only part that needs tensorflow_datasets

    if not recipe.dataset:
        raise ValueError(f"the recipe names no data set; prepared ones: {datasets.names()}")
    records, skeleton = datasets.load(recipe.dataset, recipe.data_dir, recipe.split)
    pictures = int(records.cardinality())
    # A top-down sample is a person; how many there are is not known before they are read.
    found = pictures if spec.image.fit == "letterbox" and pictures >= 0 else None
    check_size(found, recipe.batch, f"{recipe.dataset} ({recipe.split})")
    examples = recipe.examples or found
    index, workers = worker
    batches = input_pipeline.training(
        records.shard(workers, index) if workers > 1 else records,
        spec,
        skeleton=skeleton,
        policy=policy.get(recipe.policy),
        batch=batch,
        seed=recipe.seed,
        shuffle=recipe.shuffle,
        cache="" if recipe.cache else None,
        encoder=recipe.encoder,
    )
    if recipe.data_service:
        batches = data_service.distribute(batches, recipe.data_service)
    return Feed(batches=batches, examples=examples)


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
