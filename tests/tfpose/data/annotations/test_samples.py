import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from estimator import skeleton_file, skeletons
from tests.tfpose import toy_data
from tfpose.data import annotations, ignore_regions
from tfpose.data.annotations import fitting
from tfpose.data.records import Sample

# pycocotools 2.0 in numpy 2

SKELETON = skeleton_file.from_tree(toy_data.SKELETON)


def read(folder: Path, tree: Any) -> annotations.Annotations:
    path = folder / "toy.json"
    path.write_text(tree if isinstance(tree, str) else json.dumps(tree))
    return annotations.read(path)


def samples(folder: Path, tree: Any) -> list[Sample]:
    return list(annotations.samples(fitting.fit(read(folder, tree), SKELETON), 5))


def test_picture_without_annotation_has_no_people(tmp_path: Path) -> None:
    tree = toy_data.tree(1) | {"annotations": []}
    (sample,) = samples(tmp_path, tree)
    assert sample.keypoints.shape == (0, 5, 3)
    assert sample.boxes.shape == (0, 4)
    assert sample.areas.shape == (0,)
    assert sample.ignored == ()


def test_keypoints_stay_and_boxes_move_by_half_a_pixel(tmp_path: Path) -> None:
    (sample,) = samples(tmp_path, toy_data.tree(1))
    assert sample.keypoints[0].tolist() == np.reshape(toy_data.PERSON, (5, 3)).tolist()
    assert sample.boxes.tolist() == [[14.5, 4.5, 30, 50]]
    assert sample.areas.tolist() == [800]


def test_keypoint_that_is_not_labelled_lies_at_zero(tmp_path: Path) -> None:
    tree = toy_data.tree(1)
    tree["annotations"][0]["keypoints"] = [7, 9, 0, *toy_data.PERSON[3:]]
    (sample,) = samples(tmp_path, tree)
    assert sample.keypoints[0, 0].tolist() == [0, 0, 0]


def test_missing_box_and_area_come_from_the_keypoints(tmp_path: Path) -> None:
    tree = toy_data.tree(1)
    for name in ("bbox", "area"):
        del tree["annotations"][0][name]
    (sample,) = samples(tmp_path, tree)
    # Pixels 20 to 40 across and 10 to 50 down, with their edges.
    assert sample.boxes.tolist() == [[19.5, 9.5, 21, 41]]
    assert sample.areas.tolist() == pytest.approx([0.53 * 21 * 41])


def test_crowd_and_person_without_keypoints_are_ignored(tmp_path: Path) -> None:
    tree = toy_data.tree(1)
    counts = [60 * 4, 60 * 2, 60 * 58]  # columns 4 and 5 of 64
    crowd = {"size": [60, 64], "counts": counts}
    tree["annotations"] += [
        toy_data.annotation(1, 1, iscrowd=1, segmentation=crowd),
        toy_data.annotation(2, 1, keypoints=[0] * 15, bbox=[10, 20, 3, 2]),
    ]
    (sample,) = samples(tmp_path, tree)
    assert len(sample.keypoints) == 1
    mask = ignore_regions.draw(sample.ignored, 60, 64)
    expected = np.zeros((60, 64), np.uint8)
    expected[:, 4:6] = 255
    expected[20:22, 10:13] = 255
    np.testing.assert_array_equal(mask, expected)


def test_compressed_and_plain_regions_are_the_same() -> None:
    from pycocotools import mask as coco_mask

    drawn = np.zeros((6, 8), np.uint8, order="F")
    drawn[1:4, 2:5] = 1
    compressed = coco_mask.encode(drawn)
    text = {"size": compressed["size"], "counts": compressed["counts"].decode()}
    plain = {"size": [6, 8], "counts": [13, 3, 3, 3, 3, 3, 20]}
    for region in (compressed, text, plain):
        np.testing.assert_array_equal(ignore_regions.draw([region], 6, 8), 255 * drawn)


def test_region_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\[6, 8\] .*, the picture has \[8, 6\]"):
        ignore_regions.draw([{"size": [6, 8], "counts": [48]}], 8, 6)


def test_zip_is_read_like_the_json(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "toy.json.zip", "w") as archive:
        archive.writestr("toy.json", json.dumps(toy_data.tree(3)))
    assert len(annotations.read(tmp_path / "toy.json.zip").images) == 3


def test_annotation_of_no_listed_image_is_named(tmp_path: Path) -> None:
    tree = toy_data.tree(1)
    tree["annotations"].append(toy_data.annotation(7, 99))
    assert read(tmp_path, tree).unusable == (
        "annotation 7 is of image 99, which toy.json does not list",
    )


def test_regions_of_posetrack_are_ignored(tmp_path: Path) -> None:
    tree = toy_data.tree(1)
    tree["images"][0] |= {
        "ignore_regions_x": [[0, 10, 10, 0]],
        "ignore_regions_y": [[0, 0, 5, 5]],
    }
    (sample,) = samples(tmp_path, tree)
    assert ignore_regions.draw(sample.ignored, 60, 64).sum() == 255 * 50


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ("{", "toy.json is not JSON .* export it again"),
        ({"images": []}, "needs the lists 'images', 'annotations' and 'categories'"),
        ([{"joints": [], "center": []}], "HRNet's MPII format; use --dataset=mpii"),
        ([{"bbox": [], "score": 1}], "looks like detections"),
        (toy_data.tree(1) | {"categories": []}, "one category with 'keypoints', found none"),
        (toy_data.tree(1) | {"images": [{"id": 1}]}, "image at place 0: it has no 'file_name'"),
        (toy_data.tree(1) | {"annotations": [{}]}, "annotation at place 0: it has no 'image_id'"),
        (toy_data.tree(1) | {"images": toy_data.tree(1)["images"] * 2}, "two images have the id 1"),
        (
            toy_data.tree(1) | {"annotations": [toy_data.annotation(3, 1, keypoints=[1, 2, 2])]},
            "annotation 3: keypoints has 3 numbers: 5 keypoints need 15",
        ),
        (
            toy_data.tree(1) | {"annotations": [toy_data.annotation(3, 1, keypoints=["a"] * 15)]},
            "annotation 3: keypoints is .*: give x, y and a flag",
        ),
        (
            toy_data.tree(1) | {"annotations": [toy_data.annotation(3, 1, bbox=[1, 2])]},
            "annotation 3: bbox .*: it needs x, y, width, height",
        ),
    ],
)
def test_what_is_not_coco_is_refused(tmp_path: Path, tree: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        samples(tmp_path, tree)


def test_five_keypoints_against_seventeen_name_both_files(tmp_path: Path) -> None:
    tree = toy_data.tree(1)
    tree["categories"][0]["keypoints"] = list(skeletons.get("coco17").keypoints)
    tree["annotations"][0]["keypoints"] = [5, 5, 2] * 17
    with pytest.raises(ValueError, match=r"toy.json has 17 keypoints .* 'toy5' has 5, .* Give the"):
        samples(tmp_path, tree)


def test_another_order_of_the_keypoints_is_put_right_by_name(tmp_path: Path) -> None:
    tree = toy_data.tree(1)
    order = [0, 2, 1, 4, 3]
    tree["categories"][0]["keypoints"] = [toy_data.KEYPOINTS[index] for index in order]
    person = np.reshape(toy_data.PERSON, (5, 3))
    tree["annotations"][0]["keypoints"] = person[order].ravel().tolist()
    (sample,) = samples(tmp_path, tree)
    np.testing.assert_array_equal(sample.keypoints, [person])


def test_keypoints_that_the_skeleton_lacks_are_left_out_and_said(tmp_path: Path) -> None:
    tree = toy_data.tree(1)
    tree["categories"][0]["keypoints"] = ["hat", *toy_data.KEYPOINTS]
    tree["annotations"][0]["keypoints"] = [1, 2, 2, *toy_data.PERSON]
    found = fitting.fit(read(tmp_path, tree), SKELETON)
    (sample,) = annotations.samples(found, 5)
    np.testing.assert_array_equal(sample.keypoints, [np.reshape(toy_data.PERSON, (5, 3))])
    assert any("left out, as 'toy5' lacks them: hat" in note for note in found.notes())


def test_spelling_of_keypoints_does_not_matter(tmp_path: Path) -> None:
    tree = toy_data.tree(1)
    tree["categories"][0]["keypoints"] = [
        "Head",
        "Left hand",
        "right-hand",
        *toy_data.KEYPOINTS[3:],
    ]
    assert len(samples(tmp_path, tree)) == 1


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no annotation file .*absent.json"):
        annotations.read(tmp_path / "absent.json")
