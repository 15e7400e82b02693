"""The pool of canvases: windows and the teacher's answers stay together."""

from __future__ import annotations

import numpy as np
import pytest

from tfpose.teacher.cache import CODES

torch = pytest.importorskip("torch")

from tfpose.online import pool, train  # noqa: E402


def full_pool(count: int, capacity: int) -> pool.Pool:
    """Canvases of 64x64 whose colour, and whose answers, say where a cell lies and of which."""
    room = pool.Pool(capacity, 64, train.mirror("cpu"), "cpu")
    row, column = np.mgrid[:64, :64]
    for number in range(count):
        image = np.stack([row, column, np.full_like(row, number)], -1).astype(np.uint8)
        maps = np.zeros((1, 57, 16, 16), np.float32)
        maps[0, 18], maps[0, 0] = row[::4, ::4] / 64, column[::4, ::4] / 64
        room.add(torch.from_numpy(image)[None], torch.from_numpy(maps))
    return room


def test_windows_and_their_answers_belong_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "recoloured", lambda image: image)
    windows = full_pool(3, 4).draw(200, 32)
    top, left = windows.image[:, 0, 0, 0], windows.image[:, 1, 0, :].amin(-1)
    assert {int(value) for value in top} == {0, 8, 16, 24, 32}
    assert {int(value) for value in left} == {0, 8, 16, 24, 32}
    assert {int(value) for value in windows.image[:, 2, 0, 0]} == {0, 1, 2}
    byte = 0.5 / 255 + 1e-6
    assert (windows.fine[:, 18, 0, 0] - top / 64).abs().max() <= byte
    columns = windows.image[:, 1, 0, ::4]  # mirrored windows begin at a cell's other end
    turned = columns[:, 0] > columns[:, -1]
    assert 60 < int(turned.sum()) < 140
    cells = torch.where(turned[:, None], columns - 3, columns) / 64
    assert (windows.fine[:, 0, 0] - cells).abs().max() <= byte
    rows = windows.fine[:, 18, 2:4].mean((1, 2))[:, None].expand(-1, 4)
    np.testing.assert_allclose(windows.coarse[:, 18, 1].numpy(), rows.numpy(), atol=1e-6)


def test_new_canvases_take_the_place_of_the_oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "recoloured", lambda image: image)
    room = full_pool(6, 4)
    assert (len(room), room.seen) == (4, 6)
    found = room.draw(200, 32).image[:, 2, 0, 0]
    assert {int(value) for value in found} == {2, 3, 4, 5}


def test_answers_are_coded_as_in_a_cache() -> None:
    room = pool.Pool(1, 8, train.mirror("cpu"), "cpu")
    assert room._scale.flatten().tolist() == [CODES["heatmaps"][0]] * 19 + [CODES["pafs"][0]] * 38
    assert room._offset.flatten().tolist() == [CODES["heatmaps"][1]] * 19 + [CODES["pafs"][1]] * 38
