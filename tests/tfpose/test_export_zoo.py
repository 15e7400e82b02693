"""A network of each family in half precision; tests/tfpose/test_every_model.py has all in float32.

With `NAMES = models.names()` all 32 pass; that takes minutes.
"""

import keras
import pytest

from tfpose import export, models

pytestmark = pytest.mark.slow
NAMES = [min(family.VARIANTS) for family in models.families()]


@pytest.mark.parametrize("name", NAMES)
def test_a_network_in_half_precision_is_within_its_bound(name: str) -> None:
    keras.utils.set_random_seed(0)
    multiple = models.spec(name).image.multiple
    side = -(-64 // multiple) * multiple
    spec = models.spec(name, height=side, width=side)
    network = export.last_stage(models.build(spec), spec, side, side)
    # tf_pose_mobilenet_v2_*: norms by each picture's own statistics amplify rounding (0.019 seen).
    amplifies = name.startswith("tf_pose_mobilenet_v2")
    bound = 0.05 if amplifies else export.THRESHOLDS["float16"].largest
    differences = export.compare(network, export.to_tflite(network, "float16"), bound)
    assert set(differences) == set(spec.channels)
