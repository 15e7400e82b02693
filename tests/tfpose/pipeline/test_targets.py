import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from estimator import skeletons
from estimator.decoders import paf
from estimator.geometry import input_to_map
from estimator.layout import ImageSpec, OutputSpec
from estimator.skeleton import Skeleton
from estimator.spec import PoseSpec
from tests.toy_skeleton import TOY
from tfpose import models
from tfpose.benchmarks import made_maps
from tfpose.pipeline import targets, targets_lightweight_openpose


def spec_of(skeleton: Skeleton, height: int, width: int, **outputs: object) -> PoseSpec:
    return PoseSpec(
        model="none",
        skeleton=skeleton,
        image=ImageSpec(height=height, width=width),
        outputs=OutputSpec(**outputs),  # type: ignore[arg-type]
        decoder=paf.Parameters(),
    )


SPEC = spec_of(TOY, 64, 80)


def person(*points: tuple[float, float]) -> np.ndarray:
    """Keypoints at these cells of SPEC's map; the rest is not labelled."""
    keypoints = np.zeros((5, 3), np.float32)
    for index, (x, y) in enumerate(points):
        keypoints[index] = (8 * x + 3.5, 8 * y + 3.5, 2)
    return keypoints


def render(*people: np.ndarray, spec: PoseSpec = SPEC) -> dict[str, np.ndarray]:
    stacked = np.stack(people) if people else np.zeros((0, 5, 3), np.float32)
    return {name: part[0].numpy() for name, part in targets.render(stacked[None], spec).items()}


@pytest.mark.parametrize("people", [(), (np.zeros((5, 3), np.float32),)])
def test_nobody_is_background(people: tuple[np.ndarray, ...]) -> None:
    made = render(*people)
    assert made["heatmaps"].shape == (8, 10, 6)
    assert made["pafs"].shape == (8, 10, 8)
    assert (made["heatmaps"] == [0, 0, 0, 0, 0, 1]).all()
    assert not made["pafs"].any()


def test_a_keypoint_is_a_gaussian_in_input_pixels() -> None:
    made = render(person((3, 4)))["heatmaps"]
    assert made[4, 3, 0] == 1
    np.testing.assert_allclose(made[4, 4, 0], np.exp(-(8**2) / (2 * 7**2)), rtol=1e-5)
    np.testing.assert_allclose(made[5, 5, 0], np.exp(-(8**2 + 16**2) / (2 * 7**2)), rtol=1e-5)
    np.testing.assert_allclose(made[..., 5], 1 - made[..., 0], rtol=1e-6)
    assert not made[..., 1:5].any()


def test_people_are_combined_by_max() -> None:
    first, second = person((3, 4)), person((4, 4))
    both = render(first, second)["heatmaps"][..., 0]
    alone = [render(one)["heatmaps"][..., 0] for one in (first, second)]
    np.testing.assert_allclose(both, np.maximum(*alone), atol=1e-7)


def test_a_limb_is_a_unit_field_within_its_thickness() -> None:
    made = render(person((2, 4), (6, 4)))["pafs"]
    x = made[..., 0]
    assert x[4, 1:8].tolist() == [1] * 7  # a cell beyond each end, the ends are rounded
    assert x[4, 0] == x[4, 8] == 0
    assert x[3, 1:8].tolist() == [0, 1, 1, 1, 1, 1, 0]
    assert not x[2].any()
    assert not made[..., 1:].any()


def test_x_comes_before_y_and_points_from_the_first_keypoint() -> None:
    made = render(person((2, 6), (2, 2)))["pafs"]
    assert made[4, 2].tolist() == [0, -1, 0, 0, 0, 0, 0, 0]


def test_people_who_overlap_are_averaged() -> None:
    made = render(person((2, 4), (6, 4)), person((4, 2), (4, 6)))["pafs"]
    assert made[4, 4, :2].tolist() == [0.5, 0.5]
    assert made[4, 2, :2].tolist() == [1, 0]


def test_keypoints_on_one_point_have_no_direction() -> None:
    assert not render(person((2, 4), (2, 4)))["pafs"].any()


def test_what_is_not_labelled_is_not_drawn() -> None:
    lost = person((2, 4), (6, 4))
    lost[1, 2] = 0
    made = render(lost)
    assert not made["pafs"].any()
    assert not made["heatmaps"][..., 1].any()


@pytest.mark.parametrize("corner", [(0, 0), (9, 0), (0, 7), (9, 7)])
def test_a_keypoint_at_the_border_is_drawn(corner: tuple[int, int]) -> None:
    made = render(person(corner, (5, 4)))
    assert made["heatmaps"][corner[1], corner[0], 0] == 1
    np.testing.assert_allclose(np.linalg.norm(made["pafs"][corner[1], corner[0], :2]), 1, rtol=1e-6)


def test_without_background_and_fields_there_are_heatmaps_alone() -> None:
    made = render(person((3, 4)), spec=spec_of(TOY, 64, 80, background=False, pafs=False))
    assert list(made) == ["heatmaps"]
    assert made["heatmaps"].shape == (8, 10, 5)


def test_padding_and_company_change_nothing() -> None:
    one, two = person((3, 4), (5, 5)), person((7, 2), (1, 1), (2, 2))
    batch = np.stack([[one, np.zeros_like(one)], [two, one]])
    made = targets.render(batch, SPEC)
    for name, alone in render(one).items():
        np.testing.assert_allclose(made[name][0], alone, atol=1e-6)
    for name, both in render(two, one).items():
        np.testing.assert_allclose(made[name][1], both, atol=1e-6)


def test_targets_are_the_same_inside_a_map() -> None:
    batch = np.stack([[person((3, 4), (5, 5)), person((7, 2))]])
    mapped = next(iter(tf.data.Dataset.from_tensors(batch).map(lambda k: targets.render(k, SPEC))))
    for name, eager in targets.render(batch, SPEC).items():
        assert mapped[name].shape == eager.shape
        np.testing.assert_allclose(mapped[name], eager, atol=1e-6)


@pytest.mark.parametrize("stride", [4, 8])
@pytest.mark.parametrize("people", [1, 20])
def test_rows_draw_what_whole_maps_draw(people: int, stride: int) -> None:
    skeleton = skeletons.get("openpose18")
    spec = spec_of(skeleton, 184, 240, stride=stride, paf_thickness=1.5)
    xy = made_maps.crowd(skeleton, people, 184, 240)
    keypoints = np.concatenate([xy, np.full((people, 18, 1), 2, np.float32)], axis=2)
    made = targets.render(keypoints[None], spec)
    cells = input_to_map(xy, stride).astype(np.float64)
    peaks, fields = whole_maps(cells, skeleton, 7 / stride, 1.5, 184 // stride, 240 // stride)
    # 0.0004: a Gaussian ends at 4 sigma.
    np.testing.assert_allclose(made["heatmaps"][0, ..., :-1], peaks, atol=4e-4)
    # Cells exactly on a limb's border may fall on either side.
    assert (np.abs(made["pafs"][0] - fields) > 1e-4).mean() < 1e-3


def whole_maps(
    cells: np.ndarray, skeleton: Skeleton, sigma: float, thickness: float, height: int, width: int
) -> tuple[np.ndarray, np.ndarray]:
    """Every person's every keypoint and limb on all cells; float64."""
    y, x = np.mgrid[:height, :width]
    grid = np.stack([x, y], axis=2)[:, :, None, None]  # (h, w, 1, 1, 2)
    squares = ((grid - cells) ** 2).sum(axis=-1)  # (h, w, P, K)
    start, end = (cells[:, [limb[side] for limb in skeleton.limbs]] for side in (0, 1))
    length = np.linalg.norm(end - start, axis=-1)
    direction = (end - start) / length[..., None]  # (P, L, 2)
    along = ((grid - start) * direction).sum(axis=-1).clip(0, length)
    nearest = start + along[..., None] * direction
    member = ((grid - nearest) ** 2).sum(axis=-1) <= thickness**2  # (h, w, P, L)
    total = np.einsum("hwpl,plc->hwlc", member, direction)
    mean = total / member.sum(axis=2).clip(1)[..., None]
    return np.exp(-squares / (2 * sigma**2)).max(axis=2), mean.reshape(height, width, -1)


def test_another_number_of_keypoints_is_refused() -> None:
    with pytest.raises(ValueError, match=r"keypoints must be \(B, P, 5, 3\), found \(1, 2, 4, 3\)"):
        targets.render(np.zeros((1, 2, 4, 3), np.float32), SPEC)
    with pytest.raises(ValueError, match=r"keypoints must be \(B, P, 5, 3\)"):
        targets.render(np.zeros((2, 5, 3), np.float32), SPEC)


def test_a_weight_is_one_where_the_keypoint_is_labelled() -> None:
    assert targets.weights(person((3, 4), (5, 5))[None, None]).numpy().tolist() == [[1, 1, 0, 0, 0]]


def test_legacy_targets_are_the_originals() -> None:
    folder = Path(__file__).parents[2] / "golden"
    stored = np.load(folder / "targets_lightweight_openpose.npz")
    about = json.loads((folder / "targets_lightweight_openpose.json").read_text())
    skeleton = skeletons.get("openpose18")
    assert skeleton.limbs == tuple(map(tuple, about["limb_order_of_paf_channel_pairs"]))
    keypoints = stored["keypoints"].astype(np.float32)
    keypoints[..., 2] = np.float32([1, 2, 0])[keypoints[..., 2].astype(int)]  # theirs to ours
    made = targets_lightweight_openpose.render(keypoints[None], spec_of(skeleton, 368, 368))
    np.testing.assert_allclose(made["heatmaps"][0], stored["heatmaps"], atol=1e-5)
    np.testing.assert_allclose(made["pafs"][0], stored["pafs"], atol=1e-5)


def test_legacy_targets_of_nobody_are_background() -> None:
    made = targets_lightweight_openpose.render(np.zeros((1, 0, 5, 3), np.float32), SPEC)
    assert (made["heatmaps"][0].numpy() == [0, 0, 0, 0, 0, 1]).all()
    assert not made["pafs"].numpy().any()


OPENPOSE = skeletons.get("openpose18")


def decoded(xy: np.ndarray, height: int, width: int) -> np.ndarray:
    """Renders people at stride 8 and decodes them; (N, K, 2)."""
    spec = spec_of(OPENPOSE, height, width)
    keypoints = np.concatenate([xy, np.full((*xy.shape[:2], 1), 2, np.float32)], axis=2)
    made = targets.render(keypoints[None], spec)
    return np.asarray(spec.decode({name: part[0].numpy() for name, part in made.items()}).xy)


@pytest.mark.parametrize("seed", range(10))
def test_one_person_comes_back_within_half_a_pixel(seed: int) -> None:
    xy = made_maps.crowd(OPENPOSE, 1, 368, 368, seed=seed)
    found = decoded(xy, 368, 368)
    assert len(found) == 1
    assert np.abs(found - xy).max() < 0.5


@pytest.mark.parametrize(
    ("people", "height", "width"), [(2, 368, 496), (5, 368, 496), (10, 368, 496), (20, 736, 992)]
)
@pytest.mark.parametrize("seed", range(3))
def test_everybody_comes_back_whole(people: int, height: int, width: int, seed: int) -> None:
    xy = made_maps.crowd(OPENPOSE, people, height, width, seed=seed)
    found = decoded(xy, height, width)
    assert len(found) == people
    assert not np.isnan(found).any()
    distance = np.abs(found[:, None] - xy[None]).max(axis=(2, 3))  # (N, P)
    nearest = distance.argmin(axis=0)
    assert sorted(nearest) == list(range(people))
    assert distance.min(axis=0).max() < 2


@pytest.mark.parametrize("people", [2, 8, 20])
@pytest.mark.parametrize("seed", range(3))
def test_people_of_random_sizes_come_back_whole(people: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    shape = made_maps.crowd(OPENPOSE, 1, 2, 2, seed=seed)[0]  # about a circle in 2x2 pixels
    shape -= (shape.min(axis=0) + shape.max(axis=0)) / 2
    circles: list[tuple[float, float, float]] = []
    while len(circles) < people:
        radius = rng.uniform(35, 130)
        x, y = rng.uniform(radius, 992 - radius), rng.uniform(radius, 736 - radius)
        if all(np.hypot(x - a, y - b) > radius + c for a, b, c in circles):
            circles.append((x, y, radius))
    xy = np.stack([shape * radius + (x, y) for x, y, radius in circles]).astype(np.float32)
    found = decoded(xy, 736, 992)
    assert len(found) == people
    distance = np.abs(found[:, None] - xy[None]).max(axis=(2, 3))
    assert sorted(distance.argmin(axis=0)) == list(range(people))
    assert distance.min(axis=0).max() < 2


def test_a_toy_person_comes_back() -> None:
    parameters = replace(SPEC, image=ImageSpec(height=128, width=128))
    keypoints = np.float32([[60, 20, 2], [20, 60, 2], [100, 64, 2], [40, 110, 2], [90, 105, 2]])
    made = targets.render(keypoints[None, None], parameters)
    poses = parameters.decode({name: part[0].numpy() for name, part in made.items()})
    assert len(poses) == 1
    assert np.abs(poses.xy[0] - keypoints[:, :2]).max() < 0.5


def test_bins_are_the_keypoints_of_the_person_and_come_back_exactly() -> None:
    spec = models.spec("rtmpose_t", height=64, width=64)
    keypoints = np.ones((1, 1, 17, 3), np.float32)
    keypoints[0, 0, :, 0] = np.linspace(8, 55, 17)
    keypoints[0, 0, :, 1] = np.linspace(50, 9.3, 17)
    keypoints[0, 0, 4] = 0
    made = {name: rows[0].numpy() for name, rows in targets.render(keypoints, spec).items()}
    assert {name: rows.shape for name, rows in made.items()} == spec.shapes()
    assert not made["simcc_x"][4].any()
    poses = spec.decode(made)
    labelled = np.arange(17) != 4
    assert poses.found[0].tolist() == labelled.tolist()
    assert np.abs(poses.xy[0] - keypoints[0, 0, :, :2])[labelled].max() < 0.02


def test_a_detector_has_no_targets_here() -> None:
    spec = models.spec("tfpose_detector", height=64, width=64)
    with pytest.raises(ValueError, match="tfpose distil-boxes"):
        targets.render(np.zeros((1, 1, 18, 3), np.float32), spec)
