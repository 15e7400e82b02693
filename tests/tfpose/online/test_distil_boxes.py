"""`tfpose_s` learns boxes beside its maps: what a view's targets say, and that they are learnt."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from estimator.arrays import Float
from estimator.people import box_map
from tfpose.data import box_lines
from tfpose.data.box_lines import Boxes
from tfpose.online import box_views
from tfpose.online.box_views import BoxViewOptions

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
from tfpose import models  # noqa: E402
from tfpose.online import distil_boxes, learning  # noqa: E402
from tfpose.online.distil_boxes import BoxFeed, BoxStudent, DetectorStudent  # noqa: E402
from tfpose.online.muon import Updater  # noqa: E402
from tfpose.online.networks import to_numpy  # noqa: E402
from tfpose.weights import loading  # noqa: E402

SMALL = BoxViewOptions(edge=64)
PEOPLE = np.array([[20, 30, 130, 250, 0.9], [200, 60, 260, 190, 0.6]], np.float32)


def as_map(score: Float, sides: Float) -> Float:
    """Targets as a perfect network gives them: (h, w, 5)."""
    share = np.clip(score, 1e-4, 1 - 1e-4)
    return np.stack([np.log(share / (1 - share)), *np.sqrt(sides)], axis=-1).astype(np.float32)


def test_the_targets_are_read_as_the_boxes_that_they_were_drawn_from() -> None:
    score, sides, known = box_views.targets(PEOPLE, BoxViewOptions())
    found = box_map.decode(as_map(score, sides), 16, least=0.3)
    np.testing.assert_allclose(found[:, :4], PEOPLE[:, :4] - 0.5, atol=0.01)
    assert (found[:, 4] > 0.8 * PEOPLE[:, 4]).all()
    assert known.max() == pytest.approx(0.9)


def test_a_person_between_cells_is_seen_and_of_two_in_a_cell_the_smaller_knows_its_sides() -> None:
    between = np.array([[20, 20, 44, 44, 0.8]], np.float32)
    score, _, known = box_views.targets(between, SMALL)
    assert score.max() > 0.5
    assert known.any()
    both = np.concatenate([np.array([[0, 0, 64, 64, 0.9]], np.float32), between])
    _, sides, known = box_views.targets(both, SMALL)
    np.testing.assert_allclose(16 * sides[:, 1, 1], [4, 4, 20, 20])


def test_views_show_their_boxes_where_the_people_are() -> None:
    """A white person on black: the box that a view gives is the box of its white pixels."""
    picture = np.zeros((300, 400, 3), np.uint8)
    picture[80:220, 150:210] = 255
    boxes = np.array([[150, 80, 210, 220, 1.0]], np.float32)
    options = BoxViewOptions(edge=256, close=0, sizes=(0.3, 0.5))
    rng = np.random.default_rng(0)
    compared = 0
    for _ in range(60):
        view = box_views.draw(picture, boxes, options, rng)
        found = box_map.decode(as_map(view.score, view.sides), 16, least=0.3)
        light = view.image.mean(axis=2)
        rows, columns = np.nonzero(light > (light.min() + light.max()) / 2)
        inside = columns.min() > 0 and columns.max() < 255 and rows.min() > 0 and rows.max() < 255
        if inside and np.ptp(light) > 60 and (view.image == view.image[0, 0]).mean() < 0.99:
            drawn = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            np.testing.assert_allclose(found[0, :4] + 0.5, drawn, atol=4)
            compared += 1
    assert compared >= 10  # the others have the person at an edge, or hardly any contrast


def test_whole_views_show_a_picture_about_as_high_as_the_network_sees_it() -> None:
    """A person of two thirds of the picture's height is so of the view's, wherever they are."""
    picture = np.zeros((300, 500, 3), np.uint8)
    boxes = np.array([[150, 50, 210, 250, 1.0], [400, 100, 440, 130, 1.0]], np.float32)
    options = BoxViewOptions(edge=320, whole=1.0, heights=(0.9, 0.9))
    rng = np.random.default_rng(0)
    seen = []
    for _ in range(40):
        view = box_views.draw(picture, boxes, options, rng)
        found = box_map.decode(as_map(view.score, view.sides), 16, least=0.3)
        heights = found[:, 3] - found[:, 1]
        seen.append(len(found))
        assert (np.isclose(heights, 192, atol=1) | np.isclose(heights, 28.8, atol=1)).all()
    assert set(seen) == {1, 2}  # a view shows a part of so wide a picture


def test_people_outside_of_a_view_are_left_out_and_pictures_of_nobody_give_nothing() -> None:
    picture = np.full((100, 100, 3), 90, np.uint8)
    view = box_views.draw(picture, np.zeros((0, 5), np.float32), SMALL, np.random.default_rng(0))
    assert view.image.shape == (64, 64, 3)
    assert view.score.max() == 0 == view.known.max()


def test_the_twin_answers_as_keras_and_only_its_boxes_learn() -> None:
    """After some steps on one picture its boxes are better, and all other layers as before."""
    start = models.build(models.spec("tfpose_s", height=64, width=64))
    arrays = {name: np.asarray(value) for name, value in loading.named_variables(start).items()}
    picture = np.random.default_rng(0).integers(0, 255, (128, 128, 3)).astype(np.uint8)
    person = np.array([[30, 20, 90, 110, 0.9]], np.float32)
    feed = BoxFeed([Boxes("one", person)], lambda _: picture, SMALL, seed=0)
    torch.manual_seed(0)
    student = BoxStudent(arrays)
    before = {name: value.clone() for name, value in student.arrays().items()}
    batch = feed.batch(8)

    def error_now() -> float:
        with torch.no_grad():
            return float(distil_boxes.error(student.eval()(batch[0].float()), *batch[1:]))

    first = error_now()
    learning.freeze(student.train(), BoxStudent.frozen)
    updater = Updater(
        {name: value for name, value in student.arrays().items() if value.requires_grad}
    )
    for _ in range(20):
        image, *targets = feed.batch(4)
        distil_boxes.error(student(image), *targets).backward()
        updater.step(0.01)
        student.zero_grad(set_to_none=True)
    assert error_now() < 0.8 * first
    for name, value in student.arrays().items():
        if not name.startswith("boxes"):
            assert torch.equal(value, before[name]), name

    spec = models.spec("tfpose_s", height=64, width=64)
    spec = replace(spec, outputs=replace(spec.outputs, boxes=16))
    twin = models.build(spec)
    for name, variable in loading.named_variables(twin).items():
        variable.assign(to_numpy(student.arrays())[name])
    image = picture[None, :64, :64].astype(np.float32)
    with torch.no_grad():
        wanted = student.eval()(torch.from_numpy(image).permute(0, 3, 1, 2))
    answer = np.asarray(twin(image)["person_boxes"][-1])
    np.testing.assert_allclose(answer[0], wanted[0].permute(1, 2, 0).numpy(), atol=1e-4)


def test_the_detectors_twin_answers_as_keras_and_starts_from_tfpose_s() -> None:
    """Its trunk is tfpose_s's; its boxes are not, though tfpose_s may have such layers, too."""
    spec = models.spec("tfpose_s", height=64, width=64)
    start = models.build(replace(spec, outputs=replace(spec.outputs, boxes=16)))
    arrays = {name: np.asarray(value) for name, value in loading.named_variables(start).items()}
    student = DetectorStudent(arrays).eval()
    made = to_numpy(student.arrays())
    np.testing.assert_array_equal(
        made["stride16.1.conv2/kernel"], arrays["stride16.1.conv2/kernel"]
    )
    assert made["boxes/bias"].tolist() == pytest.approx(
        [distil_boxes.DOUBT] + 4 * [distil_boxes.SIDE]
    )
    again = to_numpy(DetectorStudent(made).arrays())
    assert all(np.array_equal(again[name], made[name]) for name in made)
    twin = models.build(models.spec("tfpose_detector", height=64, width=64))
    for name, variable in loading.named_variables(twin).items():
        variable.assign(made[name])
    image = np.random.default_rng(0).uniform(0, 255, (1, 64, 64, 3)).astype(np.float32)
    with torch.no_grad():
        wanted = student(torch.from_numpy(image).permute(0, 3, 1, 2))
    answer = np.asarray(twin(image)["person_boxes"][-1])
    np.testing.assert_allclose(answer[0], wanted[0].permute(1, 2, 0).numpy(), atol=1e-4)


def test_the_detectors_trunk_learns_but_for_its_first_layers() -> None:
    network = models.build(models.spec("tfpose_detector", height=64, width=64))
    student = DetectorStudent(
        {name: np.asarray(value) for name, value in loading.named_variables(network).items()}
    )
    learning.freeze(student.train(), DetectorStudent.frozen)
    learns = {name for name, value in student.arrays().items() if value.requires_grad}
    assert {"stride8.0.conv1/kernel", "down32/kernel", "boxes/bias"} <= learns
    assert not {"stem/kernel", "down4/kernel"} & learns


def test_lines_are_read_as_written_and_a_cut_line_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "boxes.jsonl"
    path.write_text(box_lines.line(Boxes("a.jpg", PEOPLE)) + '{"file": "b.jpg", "box')
    (found,) = box_lines.read(path)
    assert found.file == "a.jpg"
    np.testing.assert_allclose(found.boxes, PEOPLE, atol=1e-3)
    path.write_text(json.dumps({"file": "a.jpg"}) + "\n" + box_lines.line(found))
    with pytest.raises(ValueError, match="line 1"):
        box_lines.read(path)
    path.write_text('{"file": "a.jpg", "boxes": [[1, 2, 3, 4, NaN]]}\n')
    with pytest.raises(ValueError, match=r"line 1.*finite"):
        box_lines.read(path)


def test_nothing_to_learn_from_is_refused() -> None:
    with pytest.raises(ValueError, match="pictures"):
        BoxFeed([], lambda _: np.zeros((1, 1, 3), np.uint8), SMALL, seed=0)
    with pytest.raises(ValueError, match="edge"):
        BoxViewOptions(edge=100)


def test_arrays_of_another_network_are_refused() -> None:
    person = models.build(models.spec("tfpose_person"))
    arrays = {name: np.asarray(value) for name, value in loading.named_variables(person).items()}
    with pytest.raises(ValueError, match="no tfpose_s"):
        BoxStudent(arrays)
