"""A network learns four people by heart, through the trainer, and its decoder finds them again.

What it proves: targets, loss, gradient, update and decoder fit together, for fields of people and
for heatmaps of a crop. The families share all but the network, whose every layer learns
(models/test_model_kinds.py); `pytest -m soak` trains one of each. The people are sticks with
keypoints of their own colours; a network that sees every keypoint can place it.
"""

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from estimator.arrays import Float
from estimator.spec import PoseSpec
from tfpose.pipeline import targets
from tfpose.training.feeds.feed import Feed
from tfpose.training.loop import train
from tfpose.training.recipe import Recipe
from tfpose.training.run import spec_of
from tfpose.training.update.optimisers import Group, Optimiser
from tfpose.training.update.schedule import Schedule

PEOPLE = 4
# A standing person with a large head; x and y as shares of the picture.
STANCE = {
    "head_top": (0.5, 0.04),
    "nose": (0.5, 0.16),
    "left_eye": (0.58, 0.1),
    "right_eye": (0.42, 0.1),
    "left_ear": (0.68, 0.14),
    "right_ear": (0.32, 0.14),
    "upper_neck": (0.5, 0.26),
    "neck": (0.5, 0.28),
    "thorax": (0.5, 0.34),
    "left_shoulder": (0.7, 0.32),
    "right_shoulder": (0.3, 0.32),
    "left_elbow": (0.8, 0.46),
    "right_elbow": (0.2, 0.46),
    "left_wrist": (0.86, 0.6),
    "right_wrist": (0.14, 0.6),
    "pelvis": (0.5, 0.58),
    "left_hip": (0.62, 0.58),
    "right_hip": (0.38, 0.58),
    "left_knee": (0.66, 0.76),
    "right_knee": (0.34, 0.76),
    "left_ankle": (0.68, 0.94),
    "right_ankle": (0.32, 0.94),
}
EDGE = 64  # of the picture
MUON = {  # to a pixel in the steps in which Adam needs half a cell; slow where kernels are large
    "tfpose_s": (r"/(bias|beta|gamma)$", r"^(stem|stage\d\.(heatmaps|pafs))/kernel$"),
}
# A small variant of each family, steps, rate, and how many pixels its keypoints may be off: one
# where these steps suffice for that, else half a cell (the cell is the right one) or a cell.
NETWORKS = [
    ("tfpose_s", 200, 2e-2, 1.0),
    ("lpn_18", 120, 4e-3, 2.0),
]
OTHERS = [
    ("lightweight_openpose_half", 300, 3e-3, 1.0),
    ("dsconv", 120, 2e-3, 1.0),
    ("mobilenet_thin", 150, 3e-3, 1.0),
    ("mobilenet_v2_small", 150, 3e-3, 1.0),
    ("hg_s2_b1_mobile", 130, 2e-3, 1.0),
    ("hrnet_w18_v1", 200, 3e-3, 2.0),
    ("pose_resnet_50", 60, 1e-3, 4.0),
    ("rtmpose_t", 300, 3e-3, 4.0),
]


def people(spec: PoseSpec) -> Float:
    """(4, 1, K, 3): the stance, every keypoint moved a little, in each picture otherwise."""
    random = np.random.default_rng(0)
    edge = spec.image.height
    stance = np.array([STANCE[name] for name in spec.skeleton.keypoints], np.float32)
    stance = 0.5 + 0.75 * (stance - 0.5)  # not in border cells, where no peak can be refined
    moved = stance + random.uniform(-0.03, 0.03, (PEOPLE, 1, *stance.shape))
    keypoints = np.ones((PEOPLE, 1, len(stance), 3), np.float32)
    keypoints[..., :2] = np.clip(moved * edge, 1, edge - 2)
    return keypoints


def pictures(spec: PoseSpec, keypoints: Float) -> Float:
    """Grey noise, and on every keypoint a square of its colour."""
    random = np.random.default_rng(1)
    edge = spec.image.height
    image = random.uniform(100, 156, (PEOPLE, edge, edge, 3))
    colours = random.uniform(0, 255, (keypoints.shape[2], 3))
    reach = edge // 64  # so that a nose is not hidden behind the eyes
    for picture, _, index in np.ndindex(keypoints.shape[:3]):
        x, y = keypoints[picture, 0, index, :2].astype(int)
        rows = slice(max(0, y - reach), y + reach + 1)
        image[picture, rows, max(0, x - reach) : x + reach + 1] = colours[index]
    return image.astype(np.float32)


def feed(spec: PoseSpec, keypoints: Float) -> Feed:
    batch = {"image": pictures(spec, keypoints), **targets.render(keypoints, spec)}
    if spec.image.fit == "crop":
        batch["weights"] = targets.weights(tf.constant(keypoints))
    return Feed(batches=tf.data.Dataset.from_tensors(batch).repeat(), examples=None)


def settle(model: keras.Model, image: Float) -> None:
    """Batch norm's averages become the statistics of these pictures: four know no others."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    model(image, training=True)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras 3.15
@pytest.mark.parametrize(
    ("model", "steps", "rate", "pixels"),
    [*NETWORKS, *(pytest.param(*other, marks=pytest.mark.soak) for other in OTHERS)],
)
def test_a_network_learns_four_people_by_heart(
    tmp_path: Path, model: str, steps: int, rate: float, pixels: float
) -> None:
    recipe = Recipe(
        model=model,
        height=EDGE,
        width=EDGE,
        batch=PEOPLE,
        steps=steps,
        optimiser=Optimiser(kind="muon" if model in MUON else "adam", rate=rate, momentum=0.95),
        groups=tuple(
            Group(pattern=pattern, kind="adamw", rate=1 / 12) for pattern in MUON.get(model, ())
        ),
        schedule=Schedule(shape="cosine", warmup=10),
        clip=1.0,
        log_every=1,
        image_every=0,
        checkpoint_every=0,
    )
    spec = spec_of(recipe)
    keypoints = people(spec)
    network = train(recipe, tmp_path, feed=feed(spec, keypoints))
    lines = (tmp_path / "log.csv").read_text(encoding="utf-8").splitlines()
    column = lines[0].split(",").index("loss")
    losses = [float(line.split(",")[column]) for line in lines[1:]]
    image = pictures(spec, keypoints)
    settle(network, image)
    outputs = {head: np.asarray(maps[-1]) for head, maps in network(image, training=False).items()}
    if (
        spec.image.fit == "crop" and not spec.outputs.simcc
    ):  # the finest read-out: the network is what is tried
        spec = replace(spec, decoder=replace(spec.decoder, refinement="dark"))
    for index in range(PEOPLE):
        poses = spec.decode({head: maps[index] for head, maps in outputs.items()})
        assert len(poses) == 1
        away = np.linalg.norm(poses.xy - keypoints[index, ..., :2], axis=-1)
        assert away.max() < pixels  # NaN, a keypoint not found, fails too
        assert away.mean() < pixels / 2
    assert losses[-1] < 0.03 * losses[0]
