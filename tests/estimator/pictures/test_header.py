import random

import cv2
import numpy as np
import pytest

from estimator import pictures
from estimator.pictures import header as picture_header
from estimator.pictures import jpeg_scans
from tests import hostile_pictures as hostile


@pytest.mark.parametrize("order", ["little", "big"])
def test_the_orientation_is_read_in_either_byte_order(order: str) -> None:
    plain = cv2.imencode(".jpg", np.zeros((8, 16, 3), np.uint8))[1].tobytes()
    assert picture_header.read(plain).orientation == 1
    mark = {"little": b"II*\0", "big": b"MM\0*"}[order]
    number = lambda value, size: value.to_bytes(size, order)  # noqa: E731
    entry = number(0x0112, 2) + number(3, 2) + number(1, 4) + number(6, 2) + b"\0\0"
    exif = b"Exif\0\0" + mark + number(8, 4) + number(1, 2) + entry + b"\0" * 4
    segment = b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif
    header = picture_header.read(plain[:2] + segment + plain[2:])
    assert (header.orientation, header.upright) == (6, (16, 8))


def test_a_jpeg_without_its_end_is_not_whole() -> None:
    data = cv2.imencode(".jpg", np.zeros((8, 16, 3), np.uint8))[1].tobytes()
    assert picture_header.read(data).whole
    assert picture_header.read(data + b"a camera's own notes").whole
    assert picture_header.read(data + bytes(10_000)).whole
    assert not picture_header.read(data[:-2]).whole


def test_scans_are_counted_up_to_the_end_of_the_picture() -> None:
    behind = b"\xff\xda" * 200  # a film behind a photograph has such bytes by chance
    assert picture_header.read(hostile.many_scans(7, 80, 80) + behind).scans == 7
    inside = hostile.segment(0xE2, behind)  # and so has a colour profile
    assert picture_header.read(hostile.many_scans(100, 80, 80, extra=inside)).fault == ""


@pytest.mark.parametrize("disguise", [b"", b"\xff\xd9"])
def test_a_jpeg_of_more_than_100_scans_is_refused(disguise: bytes) -> None:
    """Also where a segment between two scans holds what looks like the picture's end."""
    data = hostile.many_scans(101, 80, 80)
    assert pictures.read(hostile.many_scans(100, 80, 80)).shape == (80, 80, 3)
    second = data.index(b"\xff\xda", data.index(b"\xff\xda") + 2)
    data = data[:second] + hostile.segment(0xFE, disguise) + data[second:]
    with pytest.raises(ValueError, match="the picture has more than 100 scans"):
        pictures.read(data)


@pytest.mark.parametrize(
    "data",
    [
        hostile.empty_segments(1_000_000),
        hostile.empty_chunks(1_000_000),
        hostile.webp_chunks(1_000_000),
        b"\xff\xd8" + (hostile.segment(0xE1, b"Exif\0\0MM\0*\0\0\0\x08" + b"\xff" * 60_000)) * 4096,
    ],
)
def test_headers_of_many_parts_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"has more than \d+ (segments|chunks)"):
        pictures.read(data)


@pytest.mark.parametrize("piece", [1, 2, 7])
def test_scans_and_ends_are_found_wherever_the_file_is_cut_into_pieces(
    piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jpeg_scans, "_PIECE", piece)
    monkeypatch.setattr(jpeg_scans, "_TAIL", 3)
    draws = random.Random(0)
    for _ in range(500):
        data = bytes(draws.choice((0xFF, 0xDA, 0xD9, 1)) for _ in range(draws.randint(0, 30)))
        start = draws.randint(0, 10)
        assert jpeg_scans.has_end(data, start) == (data.rfind(b"\xff\xd9", start) >= 0)
        assert jpeg_scans.count(data, start) == data.count(b"\xff\xda", start)


def test_fill_bytes_are_passed_over_up_to_a_bound() -> None:
    plain = cv2.imencode(".jpg", np.zeros((8, 16, 3), np.uint8))[1].tobytes()
    most = 1 << 16
    filled = plain[:2] + b"\xff" * most + plain[2:]
    assert picture_header.read(filled).width == 16
    assert not picture_header.read(filled).fault
    for count in (most + 1, 1_000_000):
        filled = plain[:2] + b"\xff" * count + plain[2:]
        assert "more than 65536 fill bytes" in picture_header.read(filled).fault
    assert picture_header.read(hostile.fill_bytes(1_000_000)).fault
