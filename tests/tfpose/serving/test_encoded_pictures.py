import io

import numpy as np
import pytest
from PIL import Image

from estimator import ImageSpec, geometry
from tfpose.serving import encoded_pictures
from tfpose.serving.errors import ServiceError
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


def decode_for(data: bytes, image: ImageSpec = IMAGE) -> encoded_pictures.Reduced:
    header = encoded_pictures.check(data, "it", Limits())
    return encoded_pictures.decode_for(data, "it", header, image)


def spot(reduced: encoded_pictures.Reduced) -> tuple[float, float]:
    """The white spot's middle, in pixels of the whole picture."""
    weight = reduced.picture[..., 0].astype(np.float64)
    y, x = np.indices(weight.shape)
    place = np.array([[(x * weight).sum(), (y * weight).sum()]]) / weight.sum()
    scaling = geometry.scaling(reduced.factor, reduced.factor)
    return tuple(geometry.transform(scaling, place.astype(np.float32))[0].tolist())


@pytest.mark.parametrize(
    ("height", "width", "factor"),
    [(500, 300, 4), (523, 301, 4), (1100, 700, 8), (520, 520, 8), (521, 520, 1)],
)
def test_a_large_jpeg_is_decoded_smaller_and_a_lit_pixel_stays_where_it_is(
    height: int, width: int, factor: int
) -> None:
    reduced = decode_for(lit(height, width))
    assert (reduced.height, reduced.width, reduced.factor) == (height, width, factor)
    assert reduced.picture.shape[:2] == (-(-height // factor), -(-width // factor))
    assert spot(reduced) == pytest.approx((119.5, 455.5), abs=0.5)


@pytest.mark.parametrize(
    ("height", "width", "factor"), [(520, 304, 4), (522, 306, 2), (523, 301, 1)]
)
@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_a_turned_jpeg_comes_upright_with_its_own_size(
    height: int, width: int, factor: int, orientation: int
) -> None:
    """Its last row and column come first when it is turned: they must not be parts."""
    reduced = decode_for(lit(height, width, orientation=orientation))
    assert reduced.factor == factor
    x, y = 119.5, 455.5
    whole, place = {
        3: ((height, width), (width - 1 - x, height - 1 - y)),
        6: ((width, height), (height - 1 - y, x)),
        8: ((width, height), (y, width - 1 - x)),
    }[orientation]
    assert (reduced.height, reduced.width) == whole
    assert spot(reduced) == pytest.approx(place, abs=0.5)


@pytest.mark.parametrize("kind", ["PNG", "BMP", "WEBP"])
def test_other_formats_are_decoded_whole(kind: str) -> None:
    reduced = decode_for(lit(500, 300, kind))
    assert (reduced.factor, reduced.height, reduced.width) == (1, 500, 300)


def test_a_small_jpeg_and_one_for_boxes_are_decoded_whole() -> None:
    data = lit(500, 300)
    large = ImageSpec(height=256, width=256, flexible=True)
    boxes = ImageSpec(height=64, width=64, fit="crop")
    for image in (large, boxes):
        assert decode_for(data, image).factor == 1


@pytest.mark.parametrize("text", ["a", "äöü", "a b c", "=", "data:image/png;base64,*"])
def test_what_is_no_base64_is_refused(text: str) -> None:
    with pytest.raises(ServiceError, match="img: is not base64"):
        encoded_pictures.from_base64(text, "img")


@pytest.mark.parametrize("text", ["aGVsbG8=", "aGVs\nbG8=\n", "data:image/png;base64,aGVsbG8="])
def test_line_breaks_and_a_data_url_are_passed(text: str) -> None:
    assert encoded_pictures.from_base64(text, "img") == b"hello"
