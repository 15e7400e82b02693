"""Evaluation end to end, with networks that see perfectly, shifted, or nothing."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from estimator.inputs.averaging import MULTISCALE, Averaging
from estimator.people.suppression import Suppression
from tests.tfpose import painted_people as painted
from tfpose.benchmarks import works
from tfpose.data.picture_files import Pictures
from tfpose.evaluation import annotations as truth
from tfpose.evaluation import boxes as person_boxes
from tfpose.evaluation import evaluate
from tfpose.evaluation.evaluate import Settings
from tfpose.evaluation.network import Network
from tfpose.evaluation.picture_reader import PictureReader

FEW = Settings(draws=20)
BOTH = pytest.mark.parametrize("spec", [painted.TOP_DOWN, painted.BOTTOM_UP], ids=lambda s: s.model)


def run(folder: Path, network: Network, settings: Settings = FEW, **more: object):
    top_down = network.spec.image.fit == "crop"
    annotations, images = painted.write(folder, top_down=top_down)
    return evaluate.evaluate(network, annotations, [images], settings=settings, **more)


@BOTH
def test_perfect_answers_have_ap_1(spec, tmp_path: Path) -> None:
    report = run(tmp_path, painted.network(spec))
    assert report.scores.ap == report.scores.ar == report.scores.ap_medium == 1
    assert report.scores.ap_large == -1  # nobody is large
    assert report.intervals["ap"] == (1, 1)
    assert (report.image_ids, report.unread, len(report.results)) == ((5, 6, 7), (), 6)


@BOTH
def test_a_shift_lowers_ap_as_oks_says(spec, tmp_path: Path) -> None:
    shift = 4.0
    oks = np.mean(
        [np.exp(-(shift**2) / (2 * painted.AREA * (2 * s) ** 2)) for s in painted.COCO.sigmas]
    )
    reached = np.sum(np.arange(0.5, 1, 0.05) <= oks)
    assert reached == 4  # OKS is 0.692: thresholds 0.50 to 0.65
    assert run(tmp_path, painted.network(spec, shift=shift)).scores.ap == pytest.approx(0.4)


@BOTH
def test_nobody_found_has_ap_0(spec, tmp_path: Path) -> None:
    report = run(tmp_path, painted.network(spec, blind=True))
    assert (report.scores.ap, report.scores.ar, report.results) == (0, 0, ())


@BOTH
def test_the_mirrored_picture_agrees(spec, tmp_path: Path) -> None:
    report = run(tmp_path, painted.network(spec), replace(FEW, averaging=Averaging(flip=True)))
    assert report.scores.ap == 1


@pytest.mark.parametrize("flip", [False, True])
def test_all_sizes_agree(flip: bool, tmp_path: Path) -> None:
    averaging = Averaging(flip=flip, scales=MULTISCALE)
    network = painted.network(painted.BOTTOM_UP)
    report = run(tmp_path, network, replace(FEW, averaging=averaging))
    assert report.scores.ap50 == 1
    found = np.array([result["keypoints"] for result in report.results]).reshape(-1, 17, 3)
    people = painted.keypoints()
    for one in found[..., :2]:
        assert np.abs(people - one).max(axis=(1, 2)).min() < 1.0  # of 168 pixels


@pytest.mark.parametrize("batch", [1, 2, 8])
def test_batches_change_nothing(batch: int, tmp_path: Path) -> None:
    network = painted.network(painted.TOP_DOWN)
    one, more = (run(tmp_path, network, replace(FEW, batch=b)).results for b in (1, batch))
    assert one == more


def test_boxes_from_a_bottom_up_network(tmp_path: Path) -> None:
    """Its boxes lie around the keypoints, so that each holds one painted person."""
    people = truth.read(painted.write(tmp_path)[0])
    source = person_boxes.of_network(painted.network(painted.BOTTOM_UP))
    looks = source(5, painted.paint(0, top_down=False))
    assert len(looks) == 2
    for look in looks:
        left, top, width, height = look.box
        inside = [
            (points >= (left, top)).all() and (points <= (left + width, top + height)).all()
            for points in painted.keypoints()
        ]
        assert sum(inside) == 1
    with pytest.raises(ValueError, match="must come from a bottom-up network"):
        person_boxes.of_network(painted.network(painted.TOP_DOWN))
    assert people.skeleton == painted.COCO


def detections(folder: Path, **changes: object) -> Path:
    entries = [
        {"image_id": 5 + i, "category_id": 1, "bbox": list(box), "score": 0.9 - 0.5 * number}
        for i in range(3)
        for number, box in enumerate(painted.BOXES)
    ]
    path = folder / "detections.json"
    path.write_text(json.dumps([entry | changes for entry in entries]))
    return path


def test_a_detector_s_boxes_and_scores_count(tmp_path: Path) -> None:
    people = truth.read(painted.write(tmp_path)[0])
    network = painted.network(painted.TOP_DOWN)
    boxes = person_boxes.of_detections(detections(tmp_path), people)
    report = run(tmp_path, network, boxes=boxes)
    assert report.scores.ap == 1
    scores = sorted(result["score"] for result in report.results)
    assert scores == pytest.approx([0.4] * 3 + [0.9] * 3, rel=0.04)  # times that of the peaks
    sure = person_boxes.of_detections(detections(tmp_path), people, min_score=0.5)
    assert run(tmp_path, network, boxes=sure).scores.ar == 0.5


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not JSON"),
        ("{}", "must be a list of detections, found a dict"),
        ('[{"image_id": 5}]', "needs image_id, bbox and score"),
        ('[{"image_id": 5, "bbox": [1, 2], "score": 1}]', r"x, y, width, height, found \[1, 2\]"),
        ('[{"image_id": 99, "bbox": [1, 2, 3, 4], "score": 1}]', "is of other pictures"),
    ],
)
def test_bad_detections_are_refused(text: str, message: str, tmp_path: Path) -> None:
    people = truth.read(painted.write(tmp_path)[0])
    (tmp_path / "bad.json").write_text(text)
    with pytest.raises(ValueError, match=message):
        person_boxes.of_detections(tmp_path / "bad.json", people)


@pytest.mark.parametrize(("kind", "answers"), [("none", 12), ("hard", 6), ("soft", 12)])
def test_two_answers_for_one_person(kind: str, answers: int, tmp_path: Path) -> None:
    people = truth.read(painted.write(tmp_path)[0])

    def twice(image_id: int, picture: np.ndarray) -> list[person_boxes.PersonBox]:
        return 2 * person_boxes.of_truth(people)(image_id, picture)

    settings = replace(FEW, suppression=Suppression(kind=kind))
    report = run(tmp_path, painted.network(painted.TOP_DOWN), settings, boxes=twice)
    assert len(report.results) == answers
    scores = sorted(round(result["score"], 3) for result in report.results)
    if kind == "soft":
        assert scores[0] == pytest.approx(np.exp(-1 / 0.9), abs=0.03)  # an equal answer
        assert report.scores.ap == 1  # those below rank last
    assert scores[-1] == pytest.approx(1, abs=0.04)


def test_a_subset_is_drawn_by_the_seed(tmp_path: Path) -> None:
    network = painted.network(painted.BOTTOM_UP)
    one, same = (run(tmp_path, network, replace(FEW, subset=2)) for _ in "ab")
    assert len(one.image_ids) == 2
    assert one.image_ids == same.image_ids
    with pytest.raises(ValueError, match="1 to 3 pictures, found 4"):
        run(tmp_path, network, replace(FEW, subset=4))


def test_the_subset_of_coco_is_that_of_make_val_subset() -> None:
    """Python's `random.seed(0)`, `shuffle(list(range(5000)))`: the first places it gives."""
    ids = list(range(1000, 6000))
    assert truth.subset(ids, 5) == truth.subset(ids, 250)[:5] == (3795, 5151, 1597, 3932, 4289)


def test_unread_pictures_are_named_and_count_nowhere(tmp_path: Path) -> None:
    annotations, _ = painted.write(tmp_path)
    folder = tmp_path / "pictures"
    folder.mkdir()
    cv2.imwrite(str(folder / "0.png"), painted.paint(0, top_down=False))
    cv2.imwrite(str(folder / "1.png"), painted.paint(1, top_down=False)[:50])
    report = evaluate.evaluate(
        painted.network(painted.BOTTOM_UP), annotations, [folder], settings=FEW
    )
    assert report.image_ids == (5,)
    assert report.scores.ap == 1
    wrong_size, missing = report.unread
    assert wrong_size.startswith("1.png: the picture has 50x168")
    assert missing.startswith("2.png: 2.png is missing")
    (folder / "0.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match="none of the 3 pictures"):
        evaluate.evaluate(painted.network(painted.BOTTOM_UP), annotations, [folder], settings=FEW)


def test_what_is_not_coco_is_refused(tmp_path: Path) -> None:
    _, images = painted.write(tmp_path)
    bad = tmp_path / "bad.json"
    for text, message in (("[]", "not COCO's keypoint format"), ("{", "is not JSON")):
        bad.write_text(text)
        with pytest.raises(ValueError, match=message):
            evaluate.evaluate(painted.network(painted.BOTTOM_UP), bad, [images])
    with pytest.raises(FileNotFoundError, match="no annotation file"):
        evaluate.evaluate(
            painted.network(painted.BOTTOM_UP), tmp_path / "none.json", [images], settings=FEW
        )


def changed(folder: Path, change: Callable[[dict], None]) -> Path:
    tree = painted.tree()
    change(tree)
    (folder / "changed.json").write_text(json.dumps(tree))
    return folder / "changed.json"


def test_fields_that_other_tools_leave_out_are_filled_in(tmp_path: Path) -> None:
    def bare(tree: dict) -> None:
        for entry in tree["annotations"]:
            for name in ("bbox", "area", "num_keypoints", "iscrowd", "id"):
                del entry[name]

    _, images = painted.write(tmp_path)
    report = evaluate.evaluate(
        painted.network(painted.BOTTOM_UP), changed(tmp_path, bare), [images], settings=FEW
    )
    assert report.scores.ap == 1


def test_other_keypoints_are_refused(tmp_path: Path) -> None:
    def dog(tree: dict) -> None:
        tree["categories"][0]["keypoints"][0] = "snout"

    with pytest.raises(ValueError, match=r"of its own \(snout, .*--keypoint_names="):
        truth.read(changed(tmp_path, dog))


def test_ids_may_be_names(tmp_path: Path) -> None:
    def named(tree: dict) -> None:
        for entry in tree["images"]:
            entry["id"] = f"picture {entry['id']}"
        for entry in tree["annotations"]:
            entry["image_id"] = f"picture {entry['image_id']}"

    _, images = painted.write(tmp_path)
    report = evaluate.evaluate(
        painted.network(painted.BOTTOM_UP), changed(tmp_path, named), [images], settings=FEW
    )
    assert report.image_ids == ("picture 5", "picture 6", "picture 7")
    assert report.scores.ap == 1


def test_nobody_left_is_an_error_that_says_why(tmp_path: Path) -> None:
    def nobody(tree: dict) -> None:
        tree["annotations"][0]["iscrowd"] = 1
        for entry in tree["annotations"][1:]:
            entry["keypoints"] = [0] * 51

    with pytest.raises(ValueError, match=r"no person .*6 annotations: 1 crowds, 5 without a lab"):
        truth.read(changed(tmp_path, nobody))


def test_pictures_without_anybody_are_no_figure(tmp_path: Path) -> None:
    def one(tree: dict) -> None:
        del tree["annotations"][2:]

    path = changed(tmp_path, one)
    folder = tmp_path / "pictures"
    folder.mkdir()
    cv2.imwrite(str(folder / "1.png"), painted.paint(1, top_down=False))
    with pytest.raises(ValueError, match="nobody with a labelled keypoint is in the 1 pictures"):
        evaluate.evaluate(painted.network(painted.BOTTOM_UP), path, [folder], settings=FEW)


@pytest.mark.parametrize(
    ("spec", "settings", "message"),
    [
        (painted.TOP_DOWN, Settings(averaging=Averaging(scales=(1, 2))), "always laid in whole"),
        (painted.BOTTOM_UP, Settings(batch=0), "batch must be at least 1"),
    ],
)
def test_what_does_not_fit_the_network_is_refused(spec, settings, message, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        run(tmp_path, painted.network(spec), settings)


def test_boxes_for_a_bottom_up_network_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="boxes are for top-down networks"):
        run(tmp_path, painted.network(painted.BOTTOM_UP), boxes=lambda image_id, picture: [])


@pytest.mark.parametrize(
    ("change", "message"),
    [({"draws": -1}, "draws must be at least 0"), ({"confidence": 1}, "between 0 and 1")],
)
def test_bad_settings_are_refused(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Settings(**change)


def test_bad_suppression_is_refused() -> None:
    with pytest.raises(ValueError, match=r"one of .*'hard'"):
        Suppression(kind="firm")
    with pytest.raises(ValueError, match="above 0 and at most 1, found 0"):
        Suppression(limit=0)


def test_pictures_of_one_shape_are_read_one_after_the_other(tmp_path: Path) -> None:
    """Their results stay in the order of the annotations, whatever the order of reading."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    path = works.annotated(str(folder), 6)
    people, images = truth.read(path), Pictures([folder])
    reader = PictureReader(people, images, [0, 1, 2, 3, 4, 5])
    shapes = [picture.shape[1] / picture.shape[0] for _, picture in reader]
    assert shapes == sorted(shapes)
    assert reader.image_ids == [0, 1, 2, 3, 4, 5]


def test_heads_of_files_are_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    annotations, images = painted.write(tmp_path, top_down=False)
    pictures = Pictures([images])
    turned = truth.read(annotations).upright(pictures)
    monkeypatch.setattr(Pictures, "header", None)
    assert turned.upright(pictures) is turned
