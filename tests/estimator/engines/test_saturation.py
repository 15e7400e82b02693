"""Without VNNI, OpenVINO adds two products in 16 bits; kernels are scaled so that they fit."""

from pathlib import Path

import numpy as np
import pytest

from estimator import bundle, pictures
from estimator.engines import cpu, saturation
from estimator.engines.litert import LiteRtRunner
from estimator.inputs import preprocess
from estimator.layout import BOXES
from estimator.pose_estimator import DEFAULT, model_path

LARGEST = np.iinfo(np.int16).max


@pytest.mark.parametrize("shape", [(32, 3, 3, 3), (16, 4, 1, 1), (24, 9, 3, 3), (8, 64, 1, 1)])
def test_no_pair_of_scaled_weights_passes_16_bits(shape: tuple[int, ...]) -> None:
    random = np.random.default_rng(0)
    kernel = random.integers(-127, 128, shape).astype(np.int8)
    kernel[0], kernel[1] = 127, -127
    scaled = np.rint(kernel * saturation.factors(kernel)[:, None, None, None])
    inputs = shape[1]
    pairs = [(left, left + 1) for left in range(0, inputs - 1, 2)]
    if inputs < saturation.GROUP:
        pairs = [(left, right) for left in range(inputs) for right in range(inputs)]
    for left, right in pairs:
        for side in (scaled.clip(min=0), (-scaled).clip(min=0)):
            assert 255 * (side[:, left] + side[:, right]).max() <= LARGEST


def test_weights_that_cannot_saturate_stay() -> None:
    kernel = np.full((2, 8, 1, 1), 64, np.int8)
    kernel[1, ::2], kernel[1, 1::2] = 127, -127  # of opposite signs: they are never added
    np.testing.assert_array_equal(saturation.factors(kernel), 1)


def test_the_shipped_int8_file_gives_litert_maps(monkeypatch: pytest.MonkeyPatch) -> None:
    openvino = pytest.importorskip("openvino", reason="needs the extra [openvino]")
    assert openvino
    from estimator.engines.openvino import OpenVinoRunner

    monkeypatch.setattr(cpu, "may_lack_vnni", lambda: True)  # with VNNI, scaled kernels serve, too
    path: Path = model_path(DEFAULT)
    spec = bundle.read(path)
    picture = pictures.read(pictures.SAMPLE.read_bytes())
    image, _ = preprocess.letterbox(picture, spec.image)
    ours, wanted = OpenVinoRunner(path, spec)(image), LiteRtRunner(path, spec)(image)
    for name, maps in wanted.items():
        span = max(1, np.abs(maps).max())  # logits and sides of boxes are larger than heatmaps
        assert (
            np.sqrt(np.mean((ours[name] - maps) ** 2)) < (0.02 if name == BOXES else 0.01) * span
        ), name
