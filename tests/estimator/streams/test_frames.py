"""What a frame's picture is called in COCO's files."""

import pytest

from estimator.streams.frames import coco_image_id


@pytest.mark.parametrize(
    ("file", "expected"), [("a/000000000139.jpg", 139), ("7.png", 7), ("p1.jpg", "p1"), ("²", "²")]
)
def test_numbered_pictures_are_their_number(file: str, expected: int | str) -> None:
    assert coco_image_id(file) == expected
