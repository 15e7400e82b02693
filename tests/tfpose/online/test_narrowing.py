"""A narrow detector begins with the channels of a wide one that carry most."""

from dataclasses import asdict

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
from estimator.arrays import Float  # noqa: E402
from tfpose import models  # noqa: E402
from tfpose.models import residual_boxes  # noqa: E402
from tfpose.online import narrowing  # noqa: E402
from tfpose.online.distil_boxes import DetectorStudent, NanoDetectorStudent  # noqa: E402
from tfpose.online.networks import Numbers, to_numpy  # noqa: E402
from tfpose.weights import loading  # noqa: E402

NANO = "tfpose_detector_nano"
NUMBERS = Numbers(**asdict(residual_boxes.VARIANTS[NANO]))
WIDE = Numbers(**asdict(residual_boxes.VARIANTS["tfpose_detector"]))
IMAGES = torch.from_numpy(
    np.random.default_rng(0).integers(0, 256, (2, 3, 64, 64)).astype(np.float32)
)


def arrays_of(name: str) -> dict[str, Float]:
    network = models.build(models.spec(name, height=64, width=64))
    return {key: np.asarray(value) for key, value in loading.named_variables(network).items()}


def silenced(numbers: Numbers) -> dict[str, Float]:
    """A wide detector of which only the narrow one's first channels and blocks give anything."""
    arrays = arrays_of("tfpose_detector")
    narrow = arrays_of(NANO)
    for name, array in arrays.items():
        if name in narrow and name.endswith(("gamma", "beta")):
            array[narrow[name].shape[0] :] = 0
        elif name not in narrow and name.endswith(("gamma", "beta")):
            array[:] = 0  # blocks that the narrow one lacks
    count, wide = numbers.channels[3], arrays["down16/kernel"].shape[-1]
    quarters = arrays["up32/kernel"].reshape(1, 1, -1, 4, wide)
    quarters[..., count:] = 0
    arrays["up32/bias"].reshape(4, wide)[:, count:] = 0
    return arrays


def test_where_the_other_channels_are_silent_the_narrow_detector_answers_as_the_wide_one() -> None:
    wide = DetectorStudent(silenced(NUMBERS)).eval()
    narrow = NanoDetectorStudent(narrowing.narrowed(wide, IMAGES, NUMBERS)).eval()
    with torch.no_grad():
        torch.testing.assert_close(narrow(IMAGES), wide(IMAGES), atol=1e-4, rtol=1e-4)


def test_its_arrays_are_those_of_the_keras_network() -> None:
    wide = DetectorStudent(arrays_of("tfpose_detector"))
    made = narrowing.narrowed(wide, IMAGES, NUMBERS)
    wanted = {name: array.shape for name, array in arrays_of(NANO).items()}
    assert {name: array.shape for name, array in made.items()} == wanted
    again = to_numpy(NanoDetectorStudent(made).arrays())
    np.testing.assert_array_equal(again["boxes.1/kernel"], made["boxes.1/kernel"])


def test_a_wider_or_deeper_detector_is_refused() -> None:
    narrow = NanoDetectorStudent(arrays_of(NANO))
    with pytest.raises(ValueError, match=r"reads 16 channels, wanted are 32"):
        narrowing.narrowed(narrow, IMAGES, WIDE)
    deeper = Numbers(channels=NUMBERS.channels, blocks=(0, 1, 3, 2), head=NUMBERS.head)
    with pytest.raises(ValueError, match=r"no layer 'stride16\.2\.conv1'"):
        narrowing.narrowed(narrow, IMAGES, deeper)
