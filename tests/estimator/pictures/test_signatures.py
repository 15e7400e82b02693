"""What a file is, by its first bytes."""

import io
import sys

import numpy as np
import pytest

from estimator import pictures
from estimator.pictures import signatures


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\0\0\0\x18ftypisom", True),
        (b"\0\0\0\x18ftypheic", False),
        (b"\0\0\0\x18ftypavif", False),
        (b"RIFF\0\0\0\0AVI LIST", True),
        (b"RIFF\0\0\0\0WEBPVP8 ", False),
        (b"\x1a\x45\xdf\xa3", True),
        (b"\0\0\0\x01\x67\x64", True),
        (b"\0\0\0\x01\x06\x05", True),
        (b"\0\0\x01\x40\x01", True),
        (b"\x47" + bytes(187) + b"\x47", True),
        (b"\xff\xd8\xff\xe0", False),
        (b"\x89PNG\r\n\x1a\n", False),
        (b"plain text", False),
        (b"", False),
    ],
)
def test_videos_are_known_by_their_content(data: bytes, expected: bool) -> None:
    assert signatures.is_video(data) is expected


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_animations_are_told_from_stills(kind: str) -> None:
    image = pytest.importorskip("PIL.Image")
    frames = [image.fromarray(np.full((9, 8, 3), 60 * index, np.uint8)) for index in range(3)]
    for count in (1, 3):
        file = io.BytesIO()
        more = {"save_all": True, "append_images": frames[1:count]} if count > 1 else {}
        frames[0].save(file, kind, **more)
        assert signatures.is_animated(file.getvalue()) is (count > 1)


def test_heic_is_read_or_said(monkeypatch: pytest.MonkeyPatch) -> None:
    heif = pytest.importorskip("pillow_heif")
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:, 32:] = (200, 40, 90)
    file = io.BytesIO()
    heif.from_bytes("RGB", (64, 48), picture.tobytes()).save(file, quality=95)
    found = pictures.read(file.getvalue())
    assert found.shape == (48, 64, 3)
    assert np.abs(found.astype(int) - picture)[:, [8, 56]].max() < 12
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(
        ValueError, match=r"is a HEIC picture, which needs pillow-heif: pip install"
    ):
        pictures.read(file.getvalue())
    with pytest.raises(ValueError, match="HEIC"):
        pictures.read(file.getvalue()[:100])
