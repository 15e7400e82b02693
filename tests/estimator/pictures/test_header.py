import cv2
import numpy as np
import pytest

from estimator.pictures import header as picture_header


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
    assert not picture_header.read(data[:-2]).whole
