"""Pictures of a prepared data set, as they were stored."""

from pathlib import Path

import numpy as np
import pytest

from estimator import pictures
from estimator.layout import ImageSpec
from tests.tfpose import toy_data
from tests.tfpose.data.test_prepare import run
from tfpose.data import prepared_sets
from tfpose.export import calibration


def test_a_prepared_set_gives_its_pictures_in_an_order_drawn_by_seed(tmp_path: Path) -> None:
    toy_data.write(tmp_path, images=8)
    run(tmp_path)
    (info,) = tmp_path.rglob(prepared_sets.INFO)
    stored = {pictures.read(toy_data.picture(number)).tobytes() for number in range(1, 9)}
    found = calibration.read([info.parent], 5)
    assert len({picture.tobytes() for picture in found} & stored) == 5
    again = calibration.read([info.parent], 5)
    assert all(np.array_equal(*pair) for pair in zip(found, again, strict=True))
    assert len(calibration.read([info.parent], 99)) == 8


def test_no_pictures_calibrate_nothing() -> None:
    with pytest.raises(calibration.NoPicturesError, match="found none"):
        calibration.inputs([], ImageSpec(height=32, width=48))
