import numpy as np
import pytest

from estimator import geometry
from estimator.inputs import preprocess
from estimator.layout import ImageSpec

FLEXIBLE = ImageSpec(height=64, width=64, flexible=True)
FIXED = ImageSpec(height=64, width=96)


@pytest.mark.parametrize(
    ("picture", "expected"),
    [
        ((64, 64), (64, 64)),
        ((48, 64), (64, 88)),  # 85.3 rounded up to a multiple of 8
        ((480, 640), (64, 88)),
        ((640, 480), (64, 48)),
        ((1, 1), (64, 64)),
        ((1, 5000), (8, 256)),
        ((5000, 1), (64, 8)),
        ((100, 401), (64, 256)),
        ((10_000, 10_000), (64, 64)),
    ],
)
def test_flexible_input_takes_the_pictures_aspect(
    picture: tuple[int, int], expected: tuple[int, int]
) -> None:
    assert preprocess.input_size(*picture, FLEXIBLE) == expected


def test_fixed_input_stays() -> None:
    assert preprocess.input_size(1, 5000, FIXED) == (64, 96)


@pytest.mark.parametrize("image", [FLEXIBLE, FIXED])
@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1), (64, 64), (37, 91), (640, 480)])
def test_letterbox_gives_the_input_size(size: tuple[int, int], image: ImageSpec) -> None:
    picture = np.full((*size, 3), 200, np.uint8)
    made, matrix = preprocess.letterbox(picture, image)
    assert made.shape == (1, *preprocess.input_size(*size, image), 3)
    assert made.dtype == np.uint8
    centre = geometry.transform(matrix, np.array([(size[1] - 1) / 2, (size[0] - 1) / 2]))
    x, y = np.round(centre).astype(int)
    assert made[0, y, x].tolist() == [200, 200, 200]


def test_padding_is_grey_and_even() -> None:
    made, _ = preprocess.letterbox(np.full((10, 30, 3), 255, np.uint8), FIXED)
    assert (made[0, 16:48] == 255).all()
    assert (made[0, :16] == preprocess.GREY).all()
    assert (made[0, 48:] == preprocess.GREY).all()


def test_colours_keep_their_order() -> None:
    picture = np.zeros((64, 96, 3), np.uint8)
    picture[:] = (200, 100, 50)
    assert preprocess.letterbox(picture, FIXED)[0][0, 5, 5].tolist() == [200, 100, 50]


@pytest.mark.parametrize(
    "size", [(64, 96), (128, 192), (131, 303), (303, 131), (559, 1007), (20, 33), (16, 16)]
)
@pytest.mark.parametrize("corner", ["top left", "top right", "bottom left", "bottom right"])
@pytest.mark.parametrize("image", [FLEXIBLE, FIXED])
def test_lit_patch_lands_where_the_matrix_says(
    size: tuple[int, int], corner: str, image: ImageSpec
) -> None:
    height, width = size
    lit = max(1, round(height / 8))  # a square patch in a corner: its centre of light is known
    inner = geometry.letterbox(height, width, *preprocess.input_size(height, width, image))
    step = preprocess.halving_step(height, width, inner.inner_height, inner.inner_width)
    top = 0 if "top" in corner else height // step * step - lit  # the rest is left out
    left = 0 if "left" in corner else width // step * step - lit
    picture = np.zeros((height, width, 3), np.uint8)
    picture[top : top + lit, left : left + lit] = 255
    made, matrix = preprocess.letterbox(picture, image)
    grey = preprocess.letterbox(np.zeros_like(picture), image)[0]
    light = made[0, ..., 0].astype(float) - grey[0, ..., 0]
    y, x = np.indices(light.shape)
    found = [(light * x).sum() / light.sum(), (light * y).sum() / light.sum()]
    centre = np.array([left + (lit - 1) / 2, top + (lit - 1) / 2])
    # a patch of f times a pixel at the border loses light there: up to f / 24 where it grows
    slack = 0.1 + (matrix[0, 0] / 24 if matrix[0, 0] > 1 else 0)
    assert np.allclose(found, geometry.transform(matrix, centre), atol=slack)


def test_large_pictures_are_averaged_not_skipped() -> None:
    picture = np.zeros((640, 960, 3), np.uint8)
    picture[::2] = 255  # stripes finer than the input can show are grey, never stripes
    made, _ = preprocess.letterbox(picture, FIXED)
    assert (np.abs(made.astype(int) - 127.5) <= 1).all()


@pytest.mark.parametrize(
    ("picture", "message"),
    [
        (np.zeros((4, 4), np.uint8), "found grey"),
        (np.zeros((4, 4, 1), np.uint8), "found grey"),
        (np.zeros((4, 4, 4), np.uint8), "found four"),
        (np.zeros((4, 4, 2), np.uint8), r"shape \(\*, \*, 3\)"),
        (np.zeros((1, 4, 4, 3), np.uint8), r"shape \(\*, \*, 3\)"),
        (np.zeros((4, 4, 3), np.float32), "must be uint8, 0..255, found float32"),
        (np.zeros((0, 4, 3), np.uint8), "at least one pixel"),
        ("photo.jpg", r"estimator\.pictures\.read"),
        (None, "must be a numpy array"),
    ],
)
def test_what_is_no_picture_is_refused(picture: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        preprocess.letterbox(picture, FIXED)


def test_letterbox_leaves_its_picture_alone_and_takes_views() -> None:
    picture = np.random.default_rng(0).integers(0, 255, (64, 96, 3), np.uint8)
    before = picture.copy()
    made, _ = preprocess.letterbox(picture[:, ::-1, ::-1], FIXED)
    assert np.array_equal(picture, before)
    assert np.array_equal(made[0], picture[:, ::-1, ::-1])


CROP = ImageSpec(height=64, width=48, multiple=4, fit="crop")


@pytest.mark.parametrize("scale", [1, 7, 13])
def test_crop_puts_a_lit_patch_where_the_matrix_says(scale: int) -> None:
    picture = np.zeros((100 * scale, 80 * scale, 3), np.uint8)
    picture[40 * scale : 44 * scale, 30 * scale : 34 * scale] = 255
    box = np.array([20, 30, 30, 40]) * scale - 0.5
    made, matrix = preprocess.crop(picture, box, CROP)
    assert made.shape == (1, 64, 48, 3)
    light = made[0, ..., 0].astype(float)
    y, x = np.indices(light.shape)
    found = [(light * x).sum() / light.sum(), (light * y).sum() / light.sum()]
    centre = np.array([32.0, 42.0]) * scale - 0.5
    assert np.allclose(found, geometry.transform(matrix, centre), atol=0.1)


@pytest.mark.parametrize(
    "box", [(-300, -200, 900, 1200), (900, 500, 800, 900), (1100, 700, 90, 90)]
)
def test_crop_of_a_large_picture_is_as_if_all_of_it_had_been_made_smaller(
    box: tuple[int, ...],
) -> None:
    rows, columns = np.mgrid[:1201, :1603]
    waves = 127 + 60 * np.sin(columns / 41) + 60 * np.cos(rows / 37)
    picture = np.repeat(waves[..., np.newaxis], 3, axis=2).astype(np.uint8)
    made, matrix = preprocess.crop(picture, box, CROP)
    y, x = np.mgrid[:64, :48]
    places = geometry.transform(geometry.invert(matrix), np.stack([x, y], axis=-1))
    inside = (places > 15).all(axis=-1) & (places < (1587, 1185)).all(axis=-1)
    assert inside.sum() > 400
    expected = 127 + 60 * np.sin(places[..., 0] / 41) + 60 * np.cos(places[..., 1] / 37)
    assert np.abs(made[0, ..., 0] - expected)[inside].max() < 6
    outside = (places < -20).any(axis=-1) | (places > (1623, 1221)).any(axis=-1)
    assert (made[0][outside] == preprocess.GREY).all()


def test_crop_outside_the_picture_is_grey() -> None:
    made, _ = preprocess.crop(np.zeros((10, 10, 3), np.uint8), (100, 100, 5, 5), CROP)
    assert (made == preprocess.GREY).all()


@pytest.mark.parametrize("box", [(0, 0, 5), (0, 0, np.nan, 5), (0, 0, np.inf, 5), (0, 0, 0, 5)])
def test_crop_refuses_what_is_no_box(box: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="box"):
        preprocess.crop(np.zeros((10, 10, 3), np.uint8), box, CROP)
