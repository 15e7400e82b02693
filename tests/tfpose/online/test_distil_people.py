"""Training of the second look: the network, the views and the loop."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import keras
import numpy as np
import pytest

from estimator import geometry, skeletons
from tests.tfpose.online.test_distilling import as_torch, channels_last, keras_arrays, pictures
from tfpose import models
from tfpose.data.cached_people import Person, Shard

torch = pytest.importorskip("torch")

from tfpose.online import distil_people, learning, person_views  # noqa: E402
from tfpose.online.muon import Updater  # noqa: E402
from tfpose.online.person_network import CONTEXT_BLOCKS, PersonStudent  # noqa: E402
from tfpose.online.person_views import Subject, ViewOptions  # noqa: E402

SWAPPED = skeletons.get("coco17").flip_order
PLAIN = ViewOptions(cut=0, cover=0, turn=0, blur=1, scattered=0, jitter=0)
PLACES = np.stack([60 + 25 * (np.arange(17) % 3), 40 + 8 * np.arange(17)], axis=1).astype(float)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def student() -> keras.Model:
    keras.utils.set_random_seed(0)
    model = models.build(models.spec("tfpose_person"), flexible=True)
    random = np.random.default_rng(0)
    for layer in model.layers:
        for variable in layer.weights:
            if variable.name != "kernel":
                variable.assign(random.uniform(0.5, 1.5, variable.shape))
    return model


def subject(lit: int = 0) -> Subject:
    """A grey picture, white at one keypoint, and the maps of all."""
    picture = np.full((220, 180, 3), 60, np.uint8)
    cv2.circle(picture, tuple(int(part) for part in PLACES[lit]), 4, (255, 255, 255), -1)
    matrix = geometry.scaling(64 / 220, 48 / 165)
    cells = geometry.transform(matrix, PLACES.astype(np.float32))
    y, x = np.mgrid[:64, :48]
    maps = np.exp(
        -(np.square(x[..., None] - cells[:, 0]) + np.square(y[..., None] - cells[:, 1])) / 8
    )
    return Subject(picture, (255 * maps).astype(np.uint8), matrix.astype(np.float32), None)


def test_the_twin_answers_as_the_keras_network(student: keras.Model) -> None:
    twin = PersonStudent(keras_arrays(student)).eval()
    image = pictures(2, 64, 96)
    wanted = student(image, training=False)["heatmaps"][0]
    with torch.no_grad():
        found = channels_last(twin(as_torch(image)))
    scale = np.abs(wanted).max()
    np.testing.assert_allclose(found / scale, wanted / scale, atol=2e-5)


def test_frozen_layers_answer_as_before(student: keras.Model) -> None:
    twin = PersonStudent(keras_arrays(student)).eval()
    image = as_torch(pictures(2, 64, 96))
    with torch.no_grad():
        wanted = twin(image)
        learning.freeze(twin.train(), ("",))
        found = twin(image)
    scale = wanted.abs().max()
    torch.testing.assert_close(found / scale, wanted / scale, rtol=0, atol=2e-5)


def test_training_starts_with_the_maps_of_tfpose_s() -> None:
    keras.utils.set_random_seed(0)
    first = models.build(models.spec("tfpose_s"), flexible=True)
    first.get_layer("stage1-heatmaps").bias.assign(np.arange(19))
    twin = PersonStudent(keras_arrays(first)).eval()
    image = pictures(1, 64, 64)
    coarse = np.asarray(first(image, training=False)["heatmaps"][0])
    with torch.no_grad():
        fine = channels_last(twin(as_torch(image)))
    order = [
        skeletons.get("openpose18").keypoints.index(name)
        for name in skeletons.get("coco17").keypoints
    ]
    np.testing.assert_allclose(fine[:, ::2, 1::2], coarse[..., order], atol=1e-3)


def test_the_context_is_as_deep_as_the_keras_networks() -> None:
    assert models.family_of("tfpose_person").VARIANTS["tfpose_person"].blocks[3] == CONTEXT_BLOCKS


@pytest.mark.parametrize("lit", [0, 5, 16])
def test_the_lit_keypoint_of_a_view_is_where_its_map_is_highest(lit: int) -> None:
    drawn = 0
    for seed in range(12):
        options = ViewOptions(cut=0, cover=0, blur=0.8)
        view = person_views.draw(subject(lit), (), SWAPPED, options, np.random.default_rng(seed))
        assert view is not None
        brightness = cv2.GaussianBlur(view.image.mean(axis=2), (9, 9), 2)
        y, x = np.unravel_index(brightness.argmax(), brightness.shape)
        if brightness[y, x] < brightness.mean() + 40:
            continue  # outside of the box
        channels = {lit, SWAPPED[lit]}  # mirrored views change left and right
        peaks = [
            4 * np.array(np.unravel_index(view.maps[one].argmax(), view.maps[one].shape)) + 1.5
            for one in channels
            if view.maps[one].max() > 0.5
        ]
        drawn += 1
        assert min(np.linalg.norm(peak - (y, x)) for peak in peaks) < 8
    assert drawn >= 6


def test_views_are_cut_where_a_detector_sees_the_person() -> None:
    options = ViewOptions(cut=0, cover=0, turn=0, blur=1, detected=1)
    wide = subject()._replace(box=np.array([0, 0, 180, 220], np.float32))
    rng = np.random.default_rng(0)
    heights = []
    for one in (wide, wide._replace(box=np.array([60, 40, 110, 168], np.float32))):
        view = person_views.draw(one, (), SWAPPED, options, rng)
        assert view is not None
        lit = (view.maps > 0.3).any(axis=(0, 2)).nonzero()[0]
        heights.append(np.ptp(lit) / len(view.maps[0]))
    assert heights[0] == pytest.approx(128 / 220 / 1.15, abs=0.15)
    assert heights[1] > 0.75


def test_a_persons_box_is_the_detectors_that_overlaps_them_most() -> None:
    xy = np.concatenate([PLACES, np.ones((17, 1))], axis=1).astype(np.float32)
    people = Shard(
        people=tuple(Person(file=name, keypoints=xy, human=False) for name in ("a.jpg", "b.jpg")),
        maps=np.stack([subject().maps] * 2),
        matrices=np.stack([subject().matrix] * 2),
    )
    near = np.append(np.add(distil_people.around(xy[:, :2]), [3, -4, 5, 2]), 0.5)
    boxes = {"a.jpg": np.array([[0, 0, 60, 60, 0.9], near]), "b.jpg": np.array([[0, 0, 60, 60, 1]])}
    seen = []

    def draw(one: Subject, *_: object) -> person_views.View:
        seen.append(one.box)
        return person_views.View(*(np.zeros(1),) * 3)

    feed = distil_people.Feed(
        lambda: people, lambda _: subject().picture, PLAIN, seed=0, boxes=boxes
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(person_views, "draw", draw)
        for _ in range(20):
            feed._view()
    assert {None if one is None else tuple(one) for one in seen} == {None, tuple(near[:4])}


def test_maps_behind_an_edge_are_empty() -> None:
    for seed in range(20):
        options = ViewOptions(cut=1, cover=0, turn=0, blur=1)
        view = person_views.draw(subject(), (), SWAPPED, options, np.random.default_rng(seed))
        assert view is not None
        full = person_views.draw(subject(), (), SWAPPED, PLAIN, np.random.default_rng(seed))
        assert full is not None
        if (view.maps.max(axis=(1, 2)) < 0.3).sum() >= 3:
            return
    raise AssertionError("no edge hid three keypoints in twenty views")


def test_somebody_whom_the_teachers_did_not_see_gives_no_view() -> None:
    blind = subject()._replace(maps=np.zeros((64, 48, 17), np.uint8))
    assert person_views.draw(blind, (), SWAPPED, PLAIN, np.random.default_rng(0)) is None


def nobody_file(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "nobody.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


SEEN = '{"file": "b.jpg", "people": [{"keypoints": {"neck": {"x": 60, "y": 70}, "nose": null}}]}'


def test_places_of_nobody_are_what_predict_wrote(tmp_path: Path) -> None:
    (place,) = distil_people.read_nobody(
        nobody_file(tmp_path, SEEN, '{"file": "c.jpg", "people": []}')
    )
    assert place.file == "b.jpg"
    np.testing.assert_array_equal(place.xy, [[60, 70]])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("[1", "line 1: not written by `tfpose predict --jsonl`"),
        ('{"file": "b.jpg", "people": [{"keypoints": [1]}]}', "line 1: not written by"),
        ('{"file": "b.jpg", "people": []}', "has no people: predict with a lower --min_score"),
    ],
)
def test_other_files_are_no_places_of_nobody(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        distil_people.read_nobody(nobody_file(tmp_path, line))


def test_views_of_nobody_have_empty_maps_that_count() -> None:
    one = subject()
    people = Shard(
        people=(Person(file="a.jpg", keypoints=np.zeros((17, 3), np.float32), human=False),),
        maps=one.maps[None],
        matrices=one.matrix[None],
    )
    places = [distil_people.Nobody("b.jpg", np.array([[60, 70], [90, 120]], np.float32))]
    feed = distil_people.Feed(
        lambda: people, lambda _: one.picture, PLAIN, seed=0, nobody=places, nobody_share=0.5
    )
    image, maps, weight = feed.batch(40)
    empty = maps.flatten(1).max(dim=1).values == 0
    assert 10 <= int(empty.sum()) <= 30
    assert (weight[empty] == 1).all()
    assert image[empty].float().std() > 0
    with pytest.raises(ValueError, match=r"nobody_share must be .*found 0.5 with 0 places"):
        distil_people.Feed(lambda: people, lambda _: one.picture, PLAIN, seed=0, nobody_share=0.5)


def test_a_disputed_label_counts_less() -> None:
    labels = np.concatenate([PLACES, np.full((17, 1), 2)], axis=1).astype(np.float32)
    labels[3, :2] += 60
    view = person_views.draw(
        subject()._replace(labels=labels), (), SWAPPED, PLAIN, np.random.default_rng(1)
    )
    assert view is not None
    low = np.flatnonzero(view.weight.max(axis=(1, 2)) < 0.5)
    assert list(low) in ([3], [SWAPPED[3]])


def test_a_few_steps_lower_the_error_and_leave_frozen_layers(student: keras.Model) -> None:
    one = subject()
    people = Shard(
        people=(Person(file="a.jpg", keypoints=np.zeros((17, 3), np.float32), human=False),),
        maps=one.maps[None],
        matrices=one.matrix[None],
    )
    options = learning.Options(seconds=1e9, batch=4, frozen=distil_people.FROZEN)
    feed = distil_people.Feed(lambda: people, lambda _: one.picture, PLAIN, seed=0)
    keras.utils.set_random_seed(0)
    twin = PersonStudent(keras_arrays(models.build(models.spec("tfpose_person"), flexible=True)))
    before = {name: value.detach().clone() for name, value in twin.arrays().items()}
    image, maps, weight = feed.batch(4)
    assert image.shape == (4, 3, 256, 192)
    assert maps.shape == weight.shape == (4, 17, 64, 48)
    with torch.no_grad():
        first = distil_people.error(twin(image), maps, weight)
    learning.freeze(twin.train(), options.frozen)
    updater = Updater({name: value for name, value in twin.arrays().items() if value.requires_grad})
    for _ in range(4):
        distil_people.error(twin(image), maps, weight).backward()
        updater.step(options.rate)
        twin.zero_grad(set_to_none=True)
    with torch.no_grad():
        last = distil_people.error(twin(image), maps, weight)
    assert last < first
    after = twin.arrays()
    for name, value in before.items():
        same = torch.equal(value, after[name])
        assert same == name.startswith(options.frozen) or not name.endswith("kernel"), name


def blob(x: int, y: int, height: float) -> torch.Tensor:
    """A map (1, 1, 16, 12) with a peak."""
    rows, columns = torch.meshgrid(torch.arange(16.0), torch.arange(12.0), indexing="ij")
    return height * torch.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 8)[None, None]


@pytest.mark.parametrize("height", [0.0, 0.3, 0.9])
def test_the_divergence_is_that_from_the_teachers_distribution(height: float) -> None:
    """The formula of the docstring in numpy; the teachers' own map costs nothing."""
    wanted, given = blob(5, 6, height), blob(8, 9, 0.7)
    weight = torch.full_like(wanted, 0.25)
    one, other = (np.exp(25 * part.double().numpy()) for part in (wanted, given))
    one, other = one / one.sum(), other / other.sum()
    divergence = (one * np.log(one / other)).sum()
    squares = distil_people.error(given, wanted, weight)
    both = distil_people.error(given, wanted, weight, divergence=2)
    assert float(both - squares) == pytest.approx(2 * 0.25 * divergence, rel=1e-4)
    assert float(distil_people.error(wanted, wanted, weight, divergence=2)) == 0


def test_the_divergence_pulls_a_peak_that_is_too_low_to_win() -> None:
    """Of two peaks the right one is lower: it gains more, beside the wrong one, than by squares."""
    wanted = blob(3, 4, 0.8)

    def pull(weight: float) -> float:
        given = (blob(3, 4, 0.4) + blob(9, 12, 0.5)).requires_grad_()
        distil_people.error(given, wanted, torch.ones_like(wanted), divergence=weight).backward()
        assert given.grad is not None
        right, wrong = -given.grad[0, 0, 4, 3], given.grad[0, 0, 12, 9]
        assert right > 0
        assert wrong > 0
        return float(wrong / right)

    assert pull(1) > 1.5 * pull(0)


def test_a_prefix_of_no_layer_is_refused(student: keras.Model) -> None:
    with pytest.raises(ValueError, match="no layer of tfpose_person begins with 'stage9'"):
        learning.freeze(PersonStudent(keras_arrays(student)), ("stage9",))
