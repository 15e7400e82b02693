"""Runs small enough for tests: pictures of coloured people, a network of a few thousand weights."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from estimator import skeletons
from estimator.decoders import paf
from estimator.layout import ImageSpec, OutputSpec
from estimator.spec import PoseSpec
from tfpose import models
from tfpose.blocks import layers
from tfpose.export import export_tflite
from tfpose.pipeline import targets
from tfpose.training.feeds.feed import Feed
from tfpose.training.recipe import Recipe
from tfpose.weights import keras_files


@dataclass(frozen=True, kw_only=True)
class Variant:
    """What differs: stages after the first, and whether there is batch norm."""

    refinement_stages: int = 1
    batch_norm: bool = False


VARIANTS = {
    "test_plain": Variant(),
    "test_normed": Variant(batch_norm=True),
    "test_longer": Variant(refinement_stages=2),
}
RECIPE = Recipe(
    model="test_plain",
    height=64,
    width=64,
    batch=4,
    steps=8,
    seed=7,
    ema=0.9,
    deterministic=True,
    log_every=2,
    image_every=0,
    checkpoint_every=2,
    validate_every=0,
)


def spec(name: str = "test_plain", *, skeleton: str = "openpose18") -> PoseSpec:
    """Stride 8, 64x64, flexible."""
    return PoseSpec(
        model=name,
        skeleton=skeletons.get(skeleton),
        image=ImageSpec(height=64, width=64, multiple=8, flexible=True),
        outputs=OutputSpec(stride=8),
        decoder=paf.Parameters(),
    )


def build(spec: PoseSpec, height: int | None, width: int | None) -> keras.Model:
    """Three convolutions down to stride 8, then a convolution and two heads a stage."""
    variant = VARIANTS[spec.model]
    image, x = layers.picture(height, width, scale=1 / 128, offset=-1.0)
    for index, channels in enumerate((8, 16, 16)):
        x = layers.convolution(x, channels, 3, stride=2, name=f"model.{index}.0")
        x = layers.batch_norm(x, name=f"model.{index}.1") if variant.batch_norm else x
        x = layers.relu(x)
    heads: dict[str, list[Any]] = {name: [] for name in spec.channels}
    features = x
    for stage in range(1 + variant.refinement_stages):
        name = f"refinement_stages.{stage - 1}" if stage else "initial_stage"
        x = layers.convolution(x, 16, 3, activation="relu", name=f"{name}.trunk")
        for head, count in spec.channels.items():
            heads[head].append(layers.convolution(x, count, 1, name=f"{name}.{head}"))
        x = keras.layers.Concatenate()([features, *(maps[-1] for maps in heads.values())])
    return keras.Model(image, heads, name=spec.model)


FAMILY = SimpleNamespace(VARIANTS=VARIANTS, spec=spec, build=build)


def add_family(patch: Callable[[Any, str, Any], None] = setattr) -> None:
    """Makes the networks here models like others."""
    families = models.families
    patch(models, "families", lambda: (*families(), FAMILY))


def as_tflite(keras_file: Path, path: Path) -> Path:
    """The network of a run, exported for the size of these pictures."""
    model = keras_files.load_keras(keras_file)
    export_tflite(model, replace(spec(), image=replace(spec().image, flexible=False)), path)
    return path


def samples(spec: PoseSpec, count: int, *, seed: int = 0) -> dict[str, Any]:
    """`count` pictures of two people each: a dot of its own colour for every keypoint."""
    random = np.random.default_rng(seed)
    height, width = spec.image.height, spec.image.width
    people = 2
    keypoints = np.ones((count, people, len(spec.skeleton.keypoints), 3), np.float32)
    keypoints[..., 0] = random.uniform(2, width - 3, keypoints.shape[:-1])
    keypoints[..., 1] = random.uniform(2, height - 3, keypoints.shape[:-1])
    image = np.full((count, height, width, 3), 128, np.uint8)
    colours = random.integers(0, 256, (keypoints.shape[2], 3))
    for index in np.ndindex(*keypoints.shape[:3]):
        x, y = keypoints[index][:2].astype(int)
        image[index[0], y - 1 : y + 2, x - 1 : x + 2] = colours[index[2]]
    drawn = {name: value.numpy() for name, value in targets.render(keypoints, spec).items()}
    stride = spec.outputs.stride
    mask = np.ones((count, height // stride, width // stride), np.float32)
    mask[:, :2, :1] = 0
    return {"image": image, "keypoints": keypoints, "mask": mask, **drawn}


def feed(spec: PoseSpec, batch: int, *, count: int = 12, worker: tuple[int, int] = (0, 1)) -> Feed:
    """Batches without end, shuffled by epoch, whose iterator a checkpoint can hold."""
    tf.random.set_seed(5)  # shuffle's order hangs on it besides its own seed
    dataset = tf.data.Dataset.from_tensor_slices(samples(spec, count))
    dataset = dataset.shuffle(count, seed=3, reshuffle_each_iteration=True).repeat()
    dataset = dataset.shard(worker[1], worker[0]).batch(batch, drop_remainder=True)
    return Feed(batches=dataset.prefetch(2), examples=count)
