import numpy as np

from tests.tfpose import small_runs
from tfpose.training.previews import SHOWN, glowing, previews


def test_a_lit_cell_glows_in_its_place() -> None:
    image, maps = np.full((1, 32, 48, 3), 90, np.float32), np.zeros((1, 4, 6, 2), np.float32)
    maps[0, 1, 4, 1] = -1.0  # a field may point either way
    shown = glowing(image, maps)
    assert shown.shape == (1, 32, 48, 3)
    y, x = np.unravel_index(shown[0, ..., 0].argmax(), (32, 48))
    assert (y // 8, x // 8) == (1, 4)
    assert shown.min() >= 0
    assert shown.max() <= 1


def test_maps_targets_and_people_are_shown_of_the_first_pictures() -> None:
    spec = small_runs.spec()
    batch = small_runs.samples(spec, 6)
    shown = previews(small_runs.build(spec, 64, 64), spec, batch)
    heads = ("heatmaps", "pafs")
    expected = {f"{head}/{kind}" for head in heads for kind in ("predicted", "target")}
    assert set(shown) == expected | {"people/predicted"}
    assert {picture.shape for picture in shown.values()} == {(SHOWN, 64, 64, 3)}
