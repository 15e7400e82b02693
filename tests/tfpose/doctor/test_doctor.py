import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from estimator import skeletons
from estimator.skeleton import Skeleton
from tests.tfpose import toy_data
from tfpose import doctor
from tfpose.data.picture_files import Pictures
from tfpose.data.pose_set import PoseSet
from tfpose.data.records import Sample, area_of, box_of
from tfpose.doctor import report
from tfpose.doctor.findings import KINDS, Finding
from tfpose.doctor.pictures import difference_hash

# pycocotools 2.0 in numpy 2

COCO = skeletons.get("coco17")
# A person facing the camera, 100 high: x is 20 for the left side, 0 for the right.
UPRIGHT = np.zeros((17, 3), np.float32)
UPRIGHT[:, 2] = 2
UPRIGHT[:, 0] = [20 if name.startswith("left") else 0 for name in COCO.keypoints]
UPRIGHT[0, 0] = 10
UPRIGHT[:, 1] = [10, 8, 8, 9, 9, 25, 25, 40, 40, 50, 50, 55, 55, 80, 80, 105, 105]
SIDES = [list(pair) for pair in COCO.flip_pairs]


def sample(people: Sequence[np.ndarray], *, name: str = "1.jpg", side: int = 200) -> Sample:
    keypoints = np.array(people, np.float32).reshape(len(people), -1, 3)
    boxes = box_of(keypoints)
    return Sample(
        picture=name,
        image_id=name,
        height=side,
        width=side,
        keypoints=keypoints,
        boxes=boxes,
        areas=area_of(boxes),
    )


def crowd(count: int = 60) -> list[np.ndarray]:
    """People who all stand the same way, a little apart from each other."""
    shifts = np.random.default_rng(0).uniform(10, 60, (count, 2)).astype(np.float32)
    return [UPRIGHT + np.array([*shift, 0], np.float32) for shift in shifts]


def exchanged(person: np.ndarray, *names: str) -> np.ndarray:
    """The person with left and right of some parts exchanged."""
    changed = person.copy()
    for name in names:
        pair = [COCO.keypoints.index(f"{side}_{name}") for side in ("left", "right")]
        changed[pair] = changed[pair[::-1]]
    return changed


def found(
    samples: Sequence[Sample], skeleton: Skeleton = COCO, folder: Path | None = None
) -> dict[str, list[Finding]]:
    pictures = Pictures([folder] if folder else [])
    part = PoseSet(samples=samples, pictures=pictures)
    examined = doctor.examine(skeleton, {"train": part}, read_pictures=folder is not None)
    return {
        k: v
        for k, v in examined.findings.items()
        if folder or k not in ("missing_picture", "refused")
    }


def test_empty_set_has_nothing_to_find() -> None:
    assert found([]) == {}


def test_sound_people_have_no_findings() -> None:
    people = [sample([person], name=f"{i}.jpg") for i, person in enumerate(crowd())]
    assert found(people) == {}


@pytest.mark.parametrize(
    ("kind", "index", "value"),
    [
        ("bad_visibility", (5, 2), 3),
        ("bad_visibility", (5, 2), -1),
        ("bad_number", (5, 0), np.nan),
        ("outside_picture", (5, 0), 199.6),
        ("outside_picture", (5, 1), -0.6),
        ("stacked_keypoints", (5, slice(0, 2)), UPRIGHT[6, :2]),
    ],
)
def test_fault_of_a_person_is_named(kind: str, index: object, value: object) -> None:
    person = UPRIGHT.copy()
    person[index] = value
    findings = found([sample([UPRIGHT + np.array([50, 0, 0]), person])])
    assert [finding.person for finding in findings[kind]] == [1]
    assert findings[kind][0].picture == "1.jpg"


def test_keypoint_on_the_border_pixel_is_inside() -> None:
    person = UPRIGHT.copy()
    person[5, :2] = 199.5, 199.5
    assert "outside_picture" not in found([sample([person])])


def test_keypoint_outside_the_box_is_named() -> None:
    one = sample([UPRIGHT])
    box = one.boxes.copy()
    box[0, 3] = 60  # ends at y 67: knees and ankles are below
    (finding,) = found([replace(one, boxes=box)])["outside_box"]
    assert finding.detail.startswith("left_knee, right_knee, left_ankle, right_ankle")


def test_empty_box_is_named() -> None:
    one = sample([UPRIGHT])
    (finding,) = found([replace(one, boxes=one.boxes * np.array([1, 1, 0, 1], np.float32))])[
        "empty_box"
    ]
    assert finding.person == 0


def test_same_person_twice_is_named_and_a_neighbour_is_not() -> None:
    close, beside = UPRIGHT + np.array([0.5, 0, 0]), UPRIGHT + np.array([30, 0, 0])
    (finding,) = found([sample([UPRIGHT, beside, close])])["same_person_twice"]
    assert finding.person == 2


def test_person_with_exchanged_shoulders_is_named_among_sound_ones() -> None:
    people = crowd()
    people[17] = exchanged(people[17], "shoulder")
    findings = found([sample([person], name=f"{i}.jpg") for i, person in enumerate(people)])
    assert list(findings) == ["swapped_sides"]
    (finding,) = findings["swapped_sides"]
    assert finding.picture == "17.jpg"
    assert finding.detail.startswith("left_shoulder/right_shoulder against")


def test_pair_exchanged_in_the_whole_set_is_an_error() -> None:
    people = [exchanged(person, "hip") for person in crowd()]
    findings = found([sample([person]) for person in people])
    assert all("hip" in finding.detail for finding in findings["sides_of_the_set"])
    assert len(findings["sides_of_the_set"]) == 7  # against each other pair


def test_set_whose_sides_are_all_exchanged_is_an_error() -> None:
    people = [person[list(COCO.flip_order)] for person in crowd()]
    (finding,) = found([sample([person]) for person in people])["sides_of_the_set"]
    assert "the left shoulder is on the left in 100% of 60 people who face" in finding.detail


def test_few_people_are_not_judged() -> None:
    people = [exchanged(UPRIGHT, "hip")] * 5
    assert list(found([sample([person]) for person in people])) == ["sides_not_judged"]


def test_flip_pair_that_does_not_fit_the_names_is_an_error() -> None:
    wrong = replace(COCO, flip_pairs=((5, 8), (7, 6), *COCO.flip_pairs[4:], *COCO.flip_pairs[:2]))
    details = [finding.detail for finding in found([sample([UPRIGHT])], wrong)["wrong_flip_pair"]]
    assert "left_shoulder becomes right_elbow in a mirrored picture, not right_shoulder" in details


def test_flip_pairs_of_shipped_skeletons_are_right() -> None:
    for name in skeletons.names():
        skeleton = skeletons.get(name)
        nobody = np.zeros((0, len(skeleton.keypoints), 3), np.float32)
        part = replace(sample([UPRIGHT]), keypoints=nobody, boxes=nobody[:, 0, :0])
        part = replace(part, boxes=np.zeros((0, 4), np.float32), areas=np.zeros(0, np.float32))
        assert "wrong_flip_pair" not in found([part], skeleton), name


def test_flip_pair_of_unequal_limbs_is_an_error() -> None:
    nameless = replace(COCO, keypoints=tuple(f"k{i}" for i in range(17)))
    people = []
    for person in crowd():
        longer = person.copy()
        longer[7, 1] += 20  # left elbow
        people.append(longer)
    details = [
        finding.detail
        for finding in found([sample([p]) for p in people], nameless)["wrong_flip_pair"]
    ]
    assert any(detail.startswith("k5 to k7 is") for detail in details)


def pictures(folder: Path, files: dict[str, bytes]) -> list[Sample]:
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return [replace(sample([UPRIGHT], name=name), height=60, width=64) for name in files]


def test_faults_of_picture_files_are_named(tmp_path: Path) -> None:
    one, two = toy_data.picture(1), toy_data.picture(2)
    image = cv2.imdecode(np.frombuffer(two, np.uint8), cv2.IMREAD_COLOR)
    worse = bytes(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 60])[1])
    files = {"a.jpg": one, "b.jpg": one, "c.jpg": two, "d.jpg": worse, "e.jpg": two[:-200]}
    samples = pictures(tmp_path, files)
    samples.append(replace(samples[0], picture="f.jpg"))
    samples[1] = replace(samples[1], height=61)
    (tmp_path / "spare.jpg").write_bytes(one)
    findings = found(samples, folder=tmp_path)
    names = {kind: [f.picture for f in found] for kind, found in findings.items()}
    names.pop("outside_picture")
    names.pop("sides_not_judged")
    names.pop("same_person_twice", None)
    assert names == {
        "refused": [""],
        "missing_picture": ["f.jpg"],
        "unreadable_picture": ["b.jpg", "e.jpg"],
        "similar_picture": ["d.jpg"],
        "picture_without_annotation": ["spare.jpg"],
    }


def test_picture_in_two_splits_is_an_error(tmp_path: Path) -> None:
    content = toy_data.picture(1)
    train = pictures(tmp_path, {"a.jpg": content, "b.jpg": content})
    val = pictures(tmp_path, {"c.jpg": content})
    files = Pictures([tmp_path])
    sets = {
        "train": PoseSet(samples=train, pictures=files),
        "val": PoseSet(samples=val, pictures=files),
    }
    findings = doctor.examine(COCO, sets).findings
    assert [str(f) for f in findings["in_two_splits"]] == ["val c.jpg: as train a.jpg"]
    assert [f.picture for f in findings["same_picture_twice"]] == ["b.jpg"]


def test_flat_pictures_are_not_similar() -> None:
    flat = np.full((60, 64, 3), 90, np.uint8)
    assert difference_hash(bytes(cv2.imencode(".png", flat)[1])) is None
    assert difference_hash(b"no picture") is None


def test_report_has_text_json_and_the_worst_drawn(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    samples = pictures(tmp_path / "in", {"a.jpg": toy_data.picture(1)})  # ankles are outside
    part = PoseSet(samples=samples, pictures=Pictures([tmp_path / "in"]), unusable=["a line"])
    examined = doctor.examine(COCO, {"train": part})
    assert examined.errors == 2  # the line, and that one of two labels is too many
    paths = {path.name for path in report.write(examined, tmp_path / "out")}
    assert paths == {"report.txt", "report.json", "worst_outside_picture.png"}
    text = (tmp_path / "out" / "report.txt").read_text()
    assert "train: 1 pictures, 1 people with keypoints" in text
    assert "error: 1 x unusable_label" in text
    tree = json.loads((tmp_path / "out" / "report.json").read_text())
    assert tree["errors"] == 2
    assert tree["findings"]["unusable_label"]["all"][0]["detail"] == "a line"
    sheet = cv2.imread(str(tmp_path / "out" / "worst_outside_picture.png"))
    assert sheet.shape == (report.TILE, report.COLUMNS * report.TILE, 3)


def test_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match=f"there are {', '.join(list(KINDS)[:2])}"):
        Finding(kind="odd")
