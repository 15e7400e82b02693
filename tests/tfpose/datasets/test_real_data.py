"""The shared photographs through the doctor, prepare, load and the input pipeline."""

from pathlib import Path

import numpy as np
import pytest

from estimator import skeletons
from tfpose import datasets, doctor
from tfpose.data import annotations
from tfpose.data.picture_files import Pictures
from tfpose.data.pose_set import PoseSet
from tfpose.data.prepare import prepare
from tfpose.datasets import custom
from tfpose.doctor import sides

pytestmark = pytest.mark.slow


def test_coco_dev_is_sound_and_read_back(shared: Path, tmp_path: Path) -> None:
    data = shared / "data"
    config = custom.Config(
        name="coco_dev",
        annotations={"val": data / "coco_dev.json"},
        pictures=(data / "images_coco_dev.zip",),
    )
    builder = custom.Builder(data_dir=tmp_path, config=config)
    examined = doctor.examine(builder.skeleton, builder.sets(tmp_path))
    assert examined.errors == 0
    assert len(examined.findings["swapped_sides"]) < 10
    prepared = prepare(builder, tmp_path)
    assert (prepared.pictures, prepared.people) == ({"val": 173}, {"val": 285})
    assert prepared.skipped == []
    dataset, skeleton = datasets.load("custom/coco_dev", tmp_path, "val")
    assert skeleton == skeletons.get("coco17")
    people = 0
    for example in dataset.as_numpy_iterator():
        labelled = example["keypoints"][example["keypoints"][..., 2] > 0]
        people += len(example["keypoints"])
        # COCO's keypoints are indices of pixels, its boxes edges.
        assert (labelled[:, :2] >= 0).all()
        assert (labelled[:, :2] <= np.array([example["width"], example["height"]]) - 1).all()
        edges = example["boxes"][:, :2] + example["boxes"][:, 2:]
        assert (edges <= np.array([example["width"], example["height"]]) - 0.5 + 1e-3).all()
    assert people == 285


def test_most_exchanged_shoulders_are_found_in_the_training_set(shared: Path) -> None:
    skeleton = skeletons.get("coco17")
    path = shared / "data" / "people_train.json.zip"
    samples = [s for s in annotations.samples(annotations.read(path), 17) if len(s.keypoints)]

    def named() -> set[tuple[str, int | None]]:
        sets = {"train": PoseSet(samples=samples, pictures=Pictures([]))}
        return {
            (finding.picture, finding.person)
            for finding in sides.examine(skeleton, sets)
            if finding.kind == "swapped_sides"
        }

    before = named()
    shoulders = [skeleton.keypoints.index(f"{side}_shoulder") for side in ("left", "right")]
    hips = [skeleton.keypoints.index(f"{side}_hip") for side in ("left", "right")]
    candidates = []
    for sample in samples:
        person = sample.keypoints[0]
        apart = np.linalg.norm(person[shoulders[0], :2] - person[shoulders[1], :2])
        clear = apart > 2 * sides.LONG * np.sqrt(sample.areas[0])
        if clear and (person[shoulders + hips, 2] > 0).all() and (sample.picture, 0) not in before:
            candidates.append(sample)
    chosen = [candidates[i] for i in np.random.default_rng(0).permutation(len(candidates))[:300]]
    for sample in chosen:
        sample.keypoints[0, shoulders] = sample.keypoints[0, shoulders[::-1]]
    found = named() & {(sample.picture, 0) for sample in chosen}
    assert len(before) < 0.03 * sum(len(sample.keypoints) for sample in samples)
    assert len(found) > 0.9 * len(chosen)
