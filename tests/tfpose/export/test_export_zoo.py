"""A small network per family in half precision; models/test_model_kinds.py has all in float32.

A bottom-up and a top-down one in the suite, the others by `pytest -m soak`.
"""

import keras
import pytest

from tfpose import export, models

pytestmark = pytest.mark.slow
NAMES = (
    *("dsconv", "hg_s2_b1_mobile", "hrnet_w18_v1", "lightweight_openpose_half", "lpn_18"),
    *("mobilenet_thin", "mobilenet_v2_small", "tf_pose_mobilenet_v2_small", "pose_resnet_50"),
    *("rtmpose_t", "tfpose_detector", "tfpose_person", "tfpose_s", "vitpose_s"),
)
QUICK = ("tfpose_person", "tfpose_s")


def test_every_family_is_here() -> None:
    for family in models.families():
        assert set(family.VARIANTS) & set(NAMES), family.__name__


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=() if name in QUICK else pytest.mark.soak) for name in NAMES],
)
def test_a_network_in_half_precision_is_within_its_bound(name: str) -> None:
    keras.utils.set_random_seed(0)
    multiple = models.spec(name).image.multiple
    side = -(-64 // multiple) * multiple
    spec = models.spec(name, height=side, width=side)
    network = export.deployed(models.build(spec), spec, side, side)
    # tf_pose_mobilenet_v2_*: norms by each picture's own statistics amplify rounding.
    amplifies = name.startswith("tf_pose_mobilenet_v2")
    bound = export.THRESHOLDS["float16"].largest if amplifies else 0.01
    differences = export.compare(network, export.to_tflite(network, "float16"), bound)
    assert set(differences) == set(spec.channels)
