"""One small set of each tool's format, read as the same people as the COCO file."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from estimator import skeleton_file
from tests.tfpose import toy_data
from tfpose.data import annotations, formats
from tfpose.data.annotations import Choice, fitting
from tfpose.data.picture_files import Pictures

SKELETON = skeleton_file.from_tree(toy_data.SKELETON)
HEIGHT, WIDTH = 60, 64
PERSON = np.reshape(toy_data.PERSON, (5, 3))
OTHER = PERSON + np.array([2, 3, 0]) * (PERSON[:, 2:] > 0)
LEFT, TOP, WIDE, HIGH = toy_data.BOX
NAMES = toy_data.KEYPOINTS


def pictures(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number in (1, 2):
        (folder / f"{number:03d}.jpg").write_bytes(toy_data.picture(number))


def yolo(folder: Path) -> Path:
    """Of the second picture there is no file: nobody is in it."""
    pictures(folder / "images" / "train")
    labels = folder / "labels" / "train"
    labels.mkdir(parents=True)
    lines = []
    for person in (PERSON, OTHER):
        box = [(LEFT + WIDE / 2) / WIDTH, (TOP + HIGH / 2) / HEIGHT, WIDE / WIDTH, HIGH / HEIGHT]
        points = (person / [WIDTH, HEIGHT, 1]).ravel().tolist()
        lines.append(" ".join(f"{value:.8f}" for value in (0, *box, *points)))
    (labels / "001.txt").write_text("\n".join(lines) + "\n")
    head = folder / "data.yaml"
    head.write_text(
        "path: .\ntrain: images/train\nkpt_shape: [5, 3]\nflip_idx: [0, 2, 1, 4, 3]\n"
        f"names: {{0: person}}\nkpt_names: {{0: [{', '.join(NAMES)}]}}\n"
    )
    return head


def points_of(person: np.ndarray) -> list[tuple[str, float, float, int]]:
    return [
        (name, float(x), float(y), int(flag))
        for name, (x, y, flag) in zip(NAMES, person, strict=True)
        if flag
    ]


def labelme(folder: Path) -> Path:
    pictures(folder)
    for number, people in ((1, (PERSON, OTHER)), (2, ())):
        shapes: list[dict[str, Any]] = []
        for group, person in enumerate(people):
            for name, x, y, flag in points_of(person):
                shapes.append(
                    {
                        "label": name,
                        "points": [[x, y]],
                        "shape_type": "point",
                        "group_id": group,
                        "flags": {"occluded": flag == 1},
                    }
                )
            corners = [[LEFT, TOP], [LEFT + WIDE, TOP + HIGH]]
            shapes.append(
                {"label": "person", "points": corners, "shape_type": "rectangle", "group_id": group}
            )
        tree = {"version": "5.4.1", "flags": {}, "shapes": shapes, "imagePath": f"{number:03d}.jpg"}
        tree |= {"imageData": None, "imageHeight": HEIGHT, "imageWidth": WIDTH}
        (folder / f"{number:03d}.json").write_text(json.dumps(tree))
    return folder


def cvat(folder: Path) -> Path:
    pictures(folder)
    skeletons = ""
    for person in (PERSON, OTHER):
        points = "".join(
            f'<points label="{name}" outside="{int(flag == 0)}" occluded="{int(flag == 1)}" '
            f'points="{x:.2f},{y:.2f}" keyframe="1"></points>'
            for name, (x, y, flag) in zip(NAMES, person, strict=True)
        )
        skeletons += f'<skeleton label="person" source="manual" z_order="0">{points}</skeleton>'
    size = f'width="{WIDTH}" height="{HEIGHT}"'
    text = (
        "<?xml version='1.0' encoding='utf-8'?><annotations><version>1.1</version>"
        f'<image id="0" name="001.jpg" {size}>{skeletons}</image>'
        f'<image id="1" name="002.jpg" {size}></image></annotations>'
    )
    with zipfile.ZipFile(folder / "task.zip", "w") as archive:
        archive.writestr("annotations.xml", text)
    return folder / "task.zip"


def label_studio(folder: Path) -> Path:
    pictures(folder)
    tasks = []
    sizes = {"original_width": WIDTH, "original_height": HEIGHT, "image_rotation": 0}
    for number, people in ((1, (PERSON, OTHER)), (2, ())):
        results: list[dict[str, Any]] = []
        for group, person in enumerate(people):
            value = {"x": LEFT, "y": TOP, "width": WIDE, "height": HIGH}
            scale = {"x": WIDTH, "width": WIDTH, "y": HEIGHT, "height": HEIGHT}
            share = {key: 100 * one / scale[key] for key, one in value.items()}
            results.append(
                {
                    "type": "rectanglelabels",
                    "id": f"box{group}",
                    "value": {**share, "rotation": 0, "rectanglelabels": ["person"]},
                    **sizes,
                }
            )
            for name, x, y, _ in points_of(person):
                value = {"x": 100 * x / WIDTH, "y": 100 * y / HEIGHT, "width": 0.5}
                results.append(
                    {
                        "type": "keypointlabels",
                        "id": f"{name}{group}",
                        "parentID": f"box{group}",
                        "value": {**value, "keypointlabels": [name]},
                        **sizes,
                    }
                )
        tasks.append(
            {
                "id": number,
                "annotations": [
                    {"was_cancelled": True, "result": []},
                    {"was_cancelled": False, "result": results},
                ],
                "data": {"img": f"/data/upload/1/0a1b2c3d-{number:03d}.jpg"},
            }
        )
    path = folder / "project.json"
    path.write_text(json.dumps(tasks))
    return path


WRITERS: dict[str, Callable[[Path], Path]] = {
    "cvat": cvat,
    "label_studio": label_studio,
    "labelme": labelme,
    "yolo": yolo,
}


def test_every_format_is_tried() -> None:
    ours = {"coco", "coco_wholebody"}  # data/annotations, data/test_whole_body.py
    assert set(WRITERS) == set(formats.names()) - ours


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("name", WRITERS)
def test_people_are_those_that_were_labelled(tmp_path: Path, name: str, named: bool) -> None:
    path = WRITERS[name](tmp_path)
    choice = Choice(format=name if named else None, split="train")
    found = annotations.read(path, choice=choice, pictures=Pictures([tmp_path]))
    part = annotations.pose_set(path, [tmp_path], SKELETON, choice=choice)
    assert [Path(sample.picture).name for sample in part.samples] == ["001.jpg", "002.jpg"]
    assert part.missing() == []
    assert (found.count(), len(part.samples[1].keypoints)) == (2, 0)
    sample = part.samples[0]
    assert (sample.height, sample.width) == (HEIGHT, WIDTH)
    expected = np.array([PERSON, OTHER], np.float32)
    if name == "label_studio":  # knows no hidden keypoints
        expected[..., 2] = 2 * (expected[..., 2] > 0)
    np.testing.assert_allclose(sample.keypoints, expected, atol=1e-3)
    if name != "cvat":  # its skeletons have no boxes
        np.testing.assert_allclose(sample.boxes, [[14.5, 4.5, 30, 50]] * 2, atol=1e-3)
    assert part.record(sample).height == HEIGHT


def test_a_coco_file_is_none_of_them(tmp_path: Path) -> None:
    toy_data.write(tmp_path, images=1)
    assert formats.tree(tmp_path / "toy.json", None, "train", None) is None
    with pytest.raises(ValueError, match=r"toy\.json is no yolo annotation: give the data\.yaml"):
        formats.tree(tmp_path / "toy.json", "yolo", "train", None)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("kpt_shape: [5, 3]", "kpt: 5"), r"data\.yaml needs kpt_shape"),
        (("kpt_shape: [5, 3]", "kpt_shape: [4, 3]"), r"001\.txt, line 1 has 20 numbers; .* are 17"),
        (("train: images", "train: pics"), "says train: pics/train, which is not at"),
        (("train:", "test:"), "has no split 'train', only test"),
        (("path", "path: ["), "is not YAML"),
    ],
)
def test_yolo_says_what_is_wrong(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    path = yolo(tmp_path)
    path.write_text(path.read_text().replace(*change))
    with pytest.raises((ValueError, OSError), match=message):
        annotations.read(path, choice=Choice(split="train"))


def test_yolo_without_names_is_checked_by_its_flip_order(tmp_path: Path) -> None:
    path = yolo(tmp_path)
    text = path.read_text().partition("kpt_names")[0]
    path.write_text(text)
    read = annotations.read(path, choice=Choice(split="train"))
    assert fitting.fit(read, SKELETON).count() == 2
    path.write_text(text.replace("[0, 2, 1, 4, 3]", "[1, 0, 3, 2, 4]"))
    read = annotations.read(path, choice=Choice(split="train"))
    with pytest.raises(ValueError, match=r"flip_idx .* in another order"):
        fitting.fit(read, SKELETON)


def test_ungrouped_points_belong_to_the_box_that_holds_them(tmp_path: Path) -> None:
    labelme(tmp_path)
    tree = json.loads((tmp_path / "001.json").read_text())
    for shape in tree["shapes"]:
        shape["group_id"] = None
    (tmp_path / "001.json").write_text(json.dumps(tree))
    with pytest.raises(ValueError, match=r"head of 001\.jpg lies in 2 boxes: group it"):
        annotations.read(tmp_path)
    tree["shapes"] = tree["shapes"][:5]  # one person and the box
    (tmp_path / "001.json").write_text(json.dumps(tree))
    assert annotations.read(tmp_path).count() == 1


def test_a_keypoint_that_nobody_labelled_is_said(tmp_path: Path) -> None:
    found = fitting.fit(annotations.read(labelme(tmp_path)), SKELETON)
    assert any("labelled by nobody: right_foot" in note for note in found.notes())
