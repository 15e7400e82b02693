import base64
import contextlib
import gc
import io
import weakref
from http import HTTPStatus

import numpy as np
import pytest
from PIL import Image

from estimator import ImageSpec, geometry
from tfpose.serving.errors import ServiceError
from tfpose.serving.requests import encoded_pictures
from tfpose.serving.settings import Limits

IMAGE = ImageSpec(height=64, width=64, flexible=True)
LIT = (120, 456)  # x, y of a white spot, the centre of a block of 16 pixels


def lit(height: int, width: int, kind: str = "JPEG", orientation: int = 1) -> bytes:
    """A black picture, white around LIT."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[LIT[1] - 8 : LIT[1] + 8, LIT[0] - 8 : LIT[0] + 8] = 255
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    options = {"quality": 95} if kind == "JPEG" else {}
    if orientation != 1:
        options["exif"] = exif
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


def spot(picture: np.ndarray, matrix: np.ndarray) -> tuple[float, float]:
    """The white spot's middle, in pixels of the whole picture."""
    weight = picture[..., 0].astype(np.float64)
    y, x = np.indices(weight.shape)
    place = np.array([[(x * weight).sum(), (y * weight).sum()]]) / weight.sum()
    return tuple(geometry.transform(geometry.invert(matrix), place.astype(np.float32))[0].tolist())


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_large_jpeg_is_decoded_smaller_and_its_header_says_how_large_it_was(
    orientation: int,
) -> None:
    height, width = 523, 301
    data = lit(height, width, orientation=orientation)
    x, y = 119.5, 455.5
    whole, place = {
        1: ((height, width), (x, y)),
        3: ((height, width), (width - 1 - x, height - 1 - y)),
        6: ((width, height), (height - 1 - y, x)),
        8: ((width, height), (y, width - 1 - x)),
    }[orientation]
    header = encoded_pictures.check(data, "it", Limits())
    assert header.upright == whole
    picture, matrix = encoded_pictures.decode_for(data, "it", header, IMAGE)
    assert 64 <= picture.shape[0] < whole[0] / 2
    assert spot(picture, matrix) == pytest.approx(place, abs=0.5)


@pytest.mark.parametrize(
    "text", ["a", "äöü", "a b c", "=", "aGVs bG8=", "aGVsbG8==", "data:image/png;base64,*"]
)
def test_what_is_no_base64_is_refused(text: str) -> None:
    with pytest.raises(ServiceError, match="img: is not base64"):
        encoded_pictures.from_base64(text, "img")


@pytest.mark.parametrize("text", ["aGVsbG8=", "aGVs\nbG8=\n", "data:image/png;base64,aGVsbG8="])
def test_line_breaks_and_a_data_url_are_passed(text: str) -> None:
    assert encoded_pictures.from_base64(text, "img") == b"hello"


@pytest.mark.parametrize("text", ["+/8=", "-_8=", "+/8", "-_8", "+/\r\n8="])
def test_both_alphabets_are_read_with_and_without_padding(text: str) -> None:
    assert encoded_pictures.from_base64(text, "img") == b"\xfb\xff"


def test_base64_whose_pluses_became_blanks_is_refused_and_not_another_picture() -> None:
    with pytest.raises(ServiceError, match="decoded as a form"):
        encoded_pictures.from_base64("aGVs bG8 aGVs", "img")


@pytest.mark.parametrize("cut", [0, 1, 2, 3])
@pytest.mark.parametrize("broken", [False, True])
def test_base64_of_several_pieces_is_decoded_as_if_it_were_one(cut: int, broken: bool) -> None:
    """Pieces end within four characters, and within a line."""
    data = np.random.default_rng(0).bytes(300_000 + cut)
    text = base64.b64encode(data).decode()
    if broken:
        text = "\r\n".join(text[start : start + 77] for start in range(0, len(text), 77))
    assert encoded_pictures.from_base64(" " + text + " " * 200_000 + "\n", "img") == data


@pytest.mark.parametrize("wrong", ["=", "==", "====", " ", " " * 300_000, "*", "ä"])
def test_base64_that_is_wrong_in_its_first_piece_is_refused(wrong: str) -> None:
    text = "A" * 4000 + wrong + "A" * 600_000
    with pytest.raises(ServiceError, match="img: is not base64"):
        encoded_pictures.from_base64(text, "img")


def test_a_refusal_does_not_hold_the_text_until_garbage_is_collected() -> None:
    class Text(str):
        __slots__ = ("__weakref__",)

    text = Text("A " * 10)
    seen = weakref.ref(text)
    gc.disable()
    try:
        with contextlib.suppress(ServiceError):
            encoded_pictures.from_base64(text, "img")
        del text
        assert seen() is None
    finally:
        gc.enable()


def with_ruined_pixels() -> bytes:
    """A PNG whose chunks are all there, and whose pixels are no zlib stream."""
    data = bytearray(lit(523, 301, kind="PNG"))
    place = data.index(b"IDAT") + 4
    data[place : place + 8] = bytes(8)
    return bytes(data)


def test_a_picture_that_is_whole_but_cannot_be_decoded_is_refused_by_its_name() -> None:
    data = with_ruined_pixels()
    header = encoded_pictures.check(data, "image 1", Limits())  # nothing is wrong with it
    for decode in (
        lambda: encoded_pictures.decode(data, "image 1", header),
        lambda: encoded_pictures.decode_for(data, "image 1", header, IMAGE),
    ):
        with pytest.raises(ServiceError, match=r"^image 1: is no picture that .*") as problem:
            decode()
        assert problem.value.status == HTTPStatus.UNPROCESSABLE_ENTITY
