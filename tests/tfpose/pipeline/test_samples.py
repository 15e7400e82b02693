import cv2
import numpy as np
import pytest
import tensorflow as tf

from augment import policy
from estimator import geometry, skeletons
from estimator.decoders import heatmap, paf
from estimator.layout import ImageSpec, OutputSpec
from estimator.skeleton import Skeleton
from estimator.spec import PoseSpec
from tests.toy_skeleton import TOY
from tfpose.data import ignore_regions
from tfpose.pipeline import samples

BOTTOM_UP = PoseSpec(
    model="none",
    skeleton=TOY,
    image=ImageSpec(height=128, width=160),
    outputs=OutputSpec(),
    decoder=paf.Parameters(),
)
TOP_DOWN = PoseSpec(
    model="none",
    skeleton=TOY,
    image=ImageSpec(height=128, width=96, fit="crop"),
    outputs=OutputSpec(stride=4, background=False, pafs=False),
    decoder=heatmap.Parameters(),
)
HEIGHT, WIDTH = 30, 40
# The nose in the middle, a hand and a foot on each corner's pixel.
PLACES = ((20, 15), (0, 0), (39, 0), (0, 29), (39, 29))


def record(people: int = 1) -> samples.Fields:
    """A small dark picture; a lit pixel at each keypoint: left red, right green, the nose both."""
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    for (x, y), colour in zip(PLACES, ("rg", "r", "g", "r", "g"), strict=True):
        image[y, x] = [255 * (channel in colour) for channel in "rgb"]
    keypoints = np.float32([[*place, 2] for place in PLACES])
    png = cv2.imencode(".png", image[..., ::-1])[1].tobytes()
    return {
        "image": tf.constant(png),
        "image_id": tf.constant("lit"),
        "height": tf.constant(HEIGHT),
        "width": tf.constant(WIDTH),
        "keypoints": tf.constant(np.tile(keypoints, (people, 1, 1))),
        "boxes": tf.constant(np.tile(np.float32([-0.5, -0.5, 40, 30]), (people, 1))),
        "areas": tf.constant([1200.0] * people),
        "ignore": tf.constant(b""),
        "epoch": tf.constant(0, tf.int64),
        "person": tf.constant(0, tf.int64),
    }


def lit(image: np.ndarray, x: float, y: float, channel: int) -> float:
    """How far from a place its neighbourhood's brightest light is; white and grey do not count."""
    light = image[..., channel].astype(int) - image[..., 2]
    columns, rows = np.meshgrid(*(np.arange(round(at) - 3, round(at) + 4) for at in (x, y)))
    inside = (columns >= 0) & (columns < image.shape[1]) & (rows >= 0) & (rows < image.shape[0])
    columns, rows = columns[inside], rows[inside]
    window = light[rows, columns]
    assert window.max() > 60
    brightest = window >= 0.9 * window.max()
    return float(np.hypot(columns[brightest].mean() - x, rows[brightest].mean() - y))


@pytest.mark.parametrize("spec", [BOTTOM_UP, TOP_DOWN], ids=["bottom_up", "top_down"])
@pytest.mark.parametrize("name", [*policy.names(), None])
def test_a_lit_pixel_is_still_the_keypoint(name: str | None, spec: PoseSpec) -> None:
    chosen = policy.get(name) if name else None
    if chosen and chosen.frame != "fit" and spec is TOP_DOWN:
        pytest.skip("a policy of whole pictures")
    make = tf.function(samples.maker(spec, TOY, chosen, 5))
    seen = dict.fromkeys(range(5), 0)
    for epoch in range(16):
        sample = make(record() | {"epoch": tf.constant(epoch, tf.int64)})
        assert sample["readable"]
        image, (person,) = sample["image"].numpy(), sample["keypoints"].numpy()
        red, green = (1, 0) if np.linalg.det(sample["matrix"]) < 0 else (0, 1)  # sides swapped
        for index, (x, y, visible) in enumerate(person):
            if visible:
                seen[index] += 1
                for channel in ((red, green), (red,), (green,), (red,), (green,))[index]:
                    assert lit(image, x, y, channel) <= 1
    # A cut inside the turned picture never shows its corners.
    assert seen[0] > 0
    assert min(seen.values()) > 0 or (chosen and chosen.frame == "random_crop")


@pytest.mark.parametrize("people", [0, 1, 3])
@pytest.mark.parametrize("name", [*policy.names(), None])
def test_samples_are_the_same_inside_a_map(name: str | None, people: int) -> None:
    make = samples.maker(BOTTOM_UP, TOY, policy.get(name) if name else None, 5)
    mapped = next(iter(tf.data.Dataset.from_tensors(record(people)).map(make)))
    eager = make(record(people))
    assert mapped["keypoints"].shape == (people, 5, 3)
    for key, value in eager.items():
        if value.dtype == tf.uint8:
            assert np.abs(value.numpy().astype(int) - mapped[key].numpy()).max() <= 1
        elif value.dtype.is_floating:
            np.testing.assert_allclose(mapped[key], value, rtol=1e-4, atol=1e-3)
        else:
            assert np.array_equal(mapped[key], value)


def test_a_flipped_sample_is_the_mirror_of_the_same_draw() -> None:
    chosen = policy.AugmentPolicy(flip=1.0)
    plain = samples.maker(BOTTOM_UP, TOY, policy.AugmentPolicy(), 5)(record())
    flipped = samples.maker(BOTTOM_UP, TOY, chosen, 5)(record())
    assert np.array_equal(flipped["image"], plain["image"][:, ::-1])
    person, other = flipped["keypoints"][0], plain["keypoints"][0].numpy()
    other[:, 0] = 159 - other[:, 0]
    np.testing.assert_allclose(person, other[list(TOY.flip_order)], atol=1e-3)


@pytest.mark.parametrize("size", [(30, 40), (40, 30), (375, 500), (1, 7), (333, 127)])
def test_an_evaluated_picture_lies_where_the_estimator_lays_it(size: tuple[int, int]) -> None:
    matrix = samples.letterbox(tf.constant(size[0]), tf.constant(size[1]), 128, 160)
    expected = geometry.letterbox(*size, 128, 160).matrix
    np.testing.assert_allclose(matrix[:2], expected, rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(matrix[2], [0, 0, 1])


@pytest.mark.parametrize("people", [0, 2])
def test_keypoints_are_mapped_by_name_and_derived_from_all_of_their_sources(people: int) -> None:
    coco, openpose = skeletons.get("coco17"), skeletons.get("openpose18")
    keypoints = np.zeros((people, 17, 3), np.float32)
    left, right = coco.keypoints.index("left_shoulder"), coco.keypoints.index("right_shoulder")
    keypoints[:, left] = [10, 20, 2]
    keypoints[:1, right] = [30, 24, 1]
    mapped = samples.to_skeleton(tf.constant(keypoints), coco, openpose).numpy()
    assert mapped.shape == (people, 18, 3)
    neck = openpose.keypoints.index("neck")
    assert mapped[:1, neck].tolist() == [[20, 22, 1]][:people]  # lowest visibility
    assert mapped[1:, neck].tolist() == [[0, 0, 0]][: people - 1 if people else 0]
    assert mapped[:, openpose.keypoints.index("left_shoulder")].tolist() == [[10, 20, 2]] * people
    assert not mapped[:, openpose.keypoints.index("nose")].any()


def test_skeletons_without_a_common_keypoint_are_refused() -> None:
    with pytest.raises(ValueError, match="'toy5' of the data has none of the keypoints of 'other'"):
        samples.check_skeletons(
            TOY, Skeleton(name="other", keypoints=("tail",), limbs=(), flip_pairs=(), sigmas=(1,))
        )


def test_the_mask_is_there_for_whole_pictures_only() -> None:
    ignore = np.zeros((HEIGHT, WIDTH), np.uint8)
    ignore[:, 20:] = 255
    masked = record() | {"ignore": tf.constant(cv2.imencode(".png", ignore)[1].tobytes())}
    mask = samples.maker(BOTTOM_UP, TOY, None, 0)(masked)["mask"]
    assert mask.shape == (16, 20)
    # 40x30 becomes 160x120, 4 pixels of padding above and below: the right half is ignored.
    assert (mask[1:-1, :10].numpy() == 1).all()
    assert (mask[1:-1, 10:].numpy() == 0).all()
    assert (mask[0, 10:].numpy() == 0.5).all()
    assert "mask" not in samples.maker(TOP_DOWN, TOY, None, 0)(masked)


@pytest.mark.parametrize(("height", "width"), [(480, 640), (481, 643), (250, 399), (90, 70)])
def test_a_reduced_mask_masks_the_same_cells(height: int, width: int) -> None:
    ignore = np.zeros((height, width), np.uint8)
    ignore[height // 4 : height // 2, width // 3 :] = 255
    picture = cv2.imencode(".png", np.zeros((height, width, 3), np.uint8))[1].tobytes()
    whole = record() | {"image": tf.constant(picture), "height": height, "width": width}
    make = samples.maker(BOTTOM_UP, TOY, None, 0)
    full = make(whole | {"ignore": tf.constant(cv2.imencode(".png", ignore)[1].tobytes())})
    stored = ignore_regions.encode_mask(ignore)
    small = make(whole | {"ignore": tf.constant(stored)})
    reduced = cv2.imdecode(np.frombuffer(stored, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert (reduced.shape[0] < height) == (min(height, width) >= 2 * ignore_regions.MASK_SIDE)
    assert bool(small["readable"])
    difference = np.abs(full["mask"].numpy() - small["mask"].numpy())
    assert difference.max() <= 0.5  # on the region's border, where a cell has a share
    assert difference.mean() < 0.02


def test_a_mask_of_another_picture_is_refused() -> None:
    other = cv2.imencode(".png", np.full((17, 9), 255, np.uint8))[1].tobytes()
    sample = samples.maker(BOTTOM_UP, TOY, None, 0)(record() | {"ignore": tf.constant(other)})
    assert not bool(sample["readable"])
