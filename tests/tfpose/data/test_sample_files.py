import json
from pathlib import Path

import numpy as np
import pytest

from estimator import pictures, skeletons
from estimator.people import boxes
from estimator.streams import sources
from tfpose.data import sample_files


def test_the_photo_and_the_film_are_read(tmp_path: Path) -> None:
    (photo,) = sample_files.make("photo", tmp_path / "new")
    assert pictures.read(photo).shape == (512, 512, 3)
    (film,) = sample_files.make("film", tmp_path)
    with sources.open_source(str(film)) as frames:
        count = sum(frame.picture.shape == (360, 400, 3) for frame in frames)
    assert count == sample_files.FRAMES


@pytest.mark.parametrize(
    ("kind", "count", "keypoints"),
    [
        ("people", 20, skeletons.get("coco17").keypoints),
        ("toy", 200, sample_files.FIGURE),
        ("bodies", 480, skeletons.get("halpe26").keypoints),
    ],
)
def test_a_set_is_cocos_with_labels_inside_its_pictures(
    kind: str, count: int, keypoints: tuple[str, ...], tmp_path: Path
) -> None:
    written = sample_files.make(kind, tmp_path)
    assert all(path.exists() for path in written)
    assert len(list((tmp_path / "pictures").iterdir())) == count
    for split in ("train", "val"):
        tree = json.loads((tmp_path / f"{split}.json").read_text())
        assert tuple(tree["categories"][0]["keypoints"]) == keypoints
        for image, person in zip(tree["images"], tree["annotations"], strict=True):
            points = np.array(person["keypoints"]).reshape(-1, 3)
            seen = points[points[:, 2] > 0, :2]
            assert len(seen) == person["num_keypoints"] >= 5
            assert ((seen >= 0) & (seen < (image["width"], image["height"]))).all()


def test_a_moved_label_lies_on_the_same_spot() -> None:
    """The bright pixel at the nose of a black photograph is where the moved label says."""
    import random

    photo = np.zeros((512, 512, 3), np.uint8)
    photo[119:126, 220:227] = 255
    points = np.zeros((17, 3), np.float32)
    points[0] = 223, 122, 2
    for seed in range(4):
        moved, labels = sample_files._moved(
            photo, points, skeletons.get("coco17").flip_order, random.Random(seed)
        )
        rows, columns = np.nonzero(moved[..., 0] > 100)
        assert np.abs(labels[0, :2] - (columns.mean(), rows.mean())).max() < 0.5


def test_an_unknown_kind_says_which_there_are(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="photo, film, people, toy"):
        sample_files.make("nothing", tmp_path)


def test_drawn_people_come_with_the_boxes_that_a_detector_would_find(tmp_path: Path) -> None:
    assert tmp_path / "boxes.json" in sample_files.make("bodies", tmp_path)
    found = boxes.read_detections(tmp_path / "boxes.json")
    tree = json.loads((tmp_path / "val.json").read_text())
    assert list(found) == [image["file_name"] for image in tree["images"]]
    for (box,), person in zip(found.values(), tree["annotations"], strict=True):
        assert box.box == boxes.of_coco(person["bbox"])
