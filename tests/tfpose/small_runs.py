"""Runs small enough for tests: pictures of coloured people, a network of a few thousand weights."""

from typing import Any

import numpy as np
import tensorflow as tf

from estimator.spec import PoseSpec
from tfpose import targets
from tfpose.feed import Feed
from tfpose.models import lightweight_openpose
from tfpose.recipe import Recipe

PLAIN = lightweight_openpose.Variant(width=0.0625, refinement_stages=1, folded=True)
NORMED = lightweight_openpose.Variant(width=0.0625, refinement_stages=1)
lightweight_openpose.VARIANTS.update(test_plain=PLAIN, test_normed=NORMED)

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
    dataset = tf.data.Dataset.from_tensor_slices(samples(spec, count))
    dataset = dataset.shuffle(count, seed=3, reshuffle_each_iteration=True).repeat()
    dataset = dataset.shard(worker[1], worker[0]).batch(batch, drop_remainder=True)
    return Feed(batches=dataset.prefetch(2), examples=count)
