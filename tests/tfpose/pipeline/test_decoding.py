import cv2
import numpy as np
import pytest
import tensorflow as tf

from tfpose.pipeline import decoding

Y, X = np.mgrid[:95, :121].astype(np.float32)
RAMP = np.stack([2 * X, 2 * Y, 60 + X], axis=2).astype(np.uint8)  # (95, 121, 3), RGB
IGNORE = np.zeros((95, 121), np.uint8)
IGNORE[10:20, 30:40] = 255


def encode(image: np.ndarray, kind: str) -> bytes:
    flags = []
    if kind == ".jpg":
        full_colour = cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444
        flags = [cv2.IMWRITE_JPEG_QUALITY, 100, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, full_colour]
    return bytes(cv2.imencode(kind, image[..., ::-1] if image.ndim == 3 else image, flags)[1])


JPEG, PNG, MASK = encode(RAMP, ".jpg"), encode(RAMP, ".png"), encode(IGNORE, ".png")


def decode(
    encoded: bytes, ignore: bytes = b"", index: int = 0, height: int = 95, width: int = 121
) -> tuple[np.ndarray, np.ndarray, bool]:
    parts = (encoded, ignore, index, height, width)
    image, mask, fine = decoding.decode(*map(tf.constant, parts))
    return image.numpy(), mask.numpy(), bool(fine)


def test_pixels_are_those_of_the_file() -> None:
    image, mask, fine = decode(PNG, MASK)
    assert fine
    assert np.array_equal(image, RAMP)
    assert np.array_equal(mask[..., 0], IGNORE)


def test_without_a_mask_there_is_none() -> None:
    image, mask, fine = decode(JPEG)
    assert fine
    assert np.abs(image.astype(int) - RAMP).mean() < 2
    assert mask.shape == (0, 0, 1)


@pytest.mark.parametrize("encoded", [JPEG, PNG], ids=["jpeg", "png"])
@pytest.mark.parametrize("index", [0, 1, 2, 3])
def test_a_reduced_pixel_knows_where_it_came_from(encoded: bytes, index: int) -> None:
    image, _, fine = decode(encoded, index=index)
    ratio = 2**index
    assert fine
    assert image.shape == (-(-95 // ratio), -(-121 // ratio), 3)
    y, x = np.mgrid[: 95 // ratio, : 121 // ratio].astype(np.float32)  # whole blocks
    matrix = decoding.ratio_matrix(tf.constant(index)).numpy()
    expected = matrix[0, 0] * x + matrix[0, 2], matrix[1, 1] * y + matrix[1, 2]
    inner = image[: 95 // ratio, : 121 // ratio].astype(np.float32)
    # Two grey levels a pixel; a JPEG of the best quality errs by a level or two, to both sides.
    for channel in (0, 1):
        error = inner[..., channel] / 2 - expected[channel]
        assert abs(error.mean()) < 0.3  # the last bit of a grey level is rounded away
        assert np.abs(error).mean() < 0.7


@pytest.mark.parametrize(
    ("factor", "index"),
    [(2, 0), (1, 0), (0.51, 0), (0.5, 1), (0.26, 1), (0.25, 2), (0.125, 3), (0.01, 3)],
)
def test_a_picture_is_reduced_as_long_as_nothing_must_be_enlarged(
    factor: float, index: int
) -> None:
    assert int(decoding.ratio_for(tf.constant(float(factor)))) == index


BROKEN = {
    "nothing": (b"", b""),
    "a web page": (b"<html>404</html>", b""),
    "half a jpeg": (JPEG[: len(JPEG) // 2], b""),
    "a jpeg without its end": (JPEG[:-20], b""),
    "half a png": (PNG[: len(PNG) // 2], b""),
    "a bitmap": (encode(RAMP, ".bmp"), b""),
    "half a mask": (JPEG, MASK[: len(MASK) // 2]),
    "a mask of another size": (JPEG, encode(IGNORE[:50], ".png")),
    "a picture of another size": (encode(RAMP[:50], ".jpg"), b""),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_not_fine_and_not_fatal(name: str) -> None:
    assert not decode(*BROKEN[name])[2]


def test_pictures_are_the_same_inside_a_map() -> None:
    files = [JPEG, PNG, JPEG[:500], JPEG]
    masks = [b"", MASK, b"", MASK]
    dataset = tf.data.Dataset.from_tensor_slices((files, masks, [0, 1, 2, 3])).map(
        lambda file, mask, index: decoding.decode(file, mask, index, 95, 121)
    )
    for arguments, found in zip(zip(files, masks, range(4), strict=True), dataset, strict=True):
        for one, other in zip(found, decode(*arguments), strict=True):
            assert np.array_equal(one, other)
