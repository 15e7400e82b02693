"""Exports onto a disk that is really full: named, nothing half written, what was there stays.

`pytest -m faults`, by hand and nightly.
"""

from pathlib import Path

import keras
import numpy as np
import pytest

from tests.small_disk import SmallDisk, small_disk
from tests.tfpose import small_runs
from tfpose import export
from tfpose.export import writing

__all__ = ["small_disk"]  # a fixture
pytestmark = [pytest.mark.soak, pytest.mark.faults]
PICTURE = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
MATERIAL = export.Material(calibration=[PICTURE], pictures=[PICTURE], source="noise")
KINDS = ["float32", "int8", "saved_model", "onnx"]


@pytest.fixture(scope="module")
def model() -> keras.Model:
    keras.utils.set_random_seed(3)
    return small_runs.build(small_runs.spec(), None, None)


def bytes_of(place: Path) -> dict[str, bytes]:
    files = [place] if place.is_file() else sorted(place.rglob("*"))
    return {str(file): file.read_bytes() for file in files if file.is_file()}


@pytest.mark.parametrize("left", [0, 20 << 10])
@pytest.mark.parametrize("kind", KINDS)
def test_an_export_onto_a_full_disk_leaves_the_one_before(
    kind: str, left: int, model: keras.Model, small_disk: SmallDisk
) -> None:
    """With no room at all, and with room for a part of it."""
    if kind == "onnx":
        pytest.importorskip("tf2onnx")
    suffix = writing.SUFFIXES[kind]
    out, spec = small_disk.place / f"model{suffix}", small_runs.spec()
    export.export(model, spec, out, kind=kind, material=MATERIAL, force=True)
    before = bytes_of(out)
    small_disk.fill(left)
    with pytest.raises(OSError, match=rf"{out}.*nothing was written"):
        export.export(model, spec, out, kind=kind, material=MATERIAL, force=True)
    assert bytes_of(out) == before
    assert not small_disk.half_written()
