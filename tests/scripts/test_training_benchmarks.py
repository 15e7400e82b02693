"""The benchmarks of training: its memory, and its pipeline beside the original's."""

from pathlib import Path

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from tfpose.benchmarks.training import input_pipeline, original_pipeline

from .conftest import Tfpose


def test_another_folder_than_the_original_s_is_refused(tmp_path: Path, tfpose: Tfpose) -> None:
    ended = tfpose("benchmark", "original_pipeline", f"--original={tmp_path}")
    assert ended.returncode == 2
    assert "is no checkout of Lightweight OpenPose: no scripts/prepare" in ended.stderr


def test_the_original_is_told_of_the_same_people_and_region() -> None:
    made = input_pipeline.make(3)
    tree = original_pipeline._labels(made)
    assert [image["file_name"] for image in tree["images"]] == [f"{one}.jpg" for one in range(8)]
    people = [one for one in tree["annotations"] if not one["iscrowd"]]
    crowds = [one for one in tree["annotations"] if one["iscrowd"]]
    assert (len(people), len(crowds)) == (24, 8)
    nose = input_pipeline.SPEC.skeleton.keypoints.index("nose")
    np.testing.assert_allclose(people[4]["keypoints"][:2], made[1].keypoints[1, nose, :2])
    assert people[4]["image_id"] == 1
    height, width = input_pipeline.HEIGHT, input_pipeline.WIDTH
    region = coco_mask.decode(coco_mask.frPyObjects(crowds[0]["segmentation"], height, width))
    rows, columns = input_pipeline.IGNORED
    assert region[:rows, :columns].all()
    assert region.sum() == rows * columns


@pytest.mark.slow
def test_memory_prints_a_row_a_recipe_and_ends_runs_at_the_limit(tfpose: Tfpose) -> None:
    more = ("--recipes=finetune", "--batch=1", "--steps=1")
    ended = tfpose("benchmark", "memory", *more)
    name, network, size, batch, gib, steps = ended.stdout.splitlines()[1].split()
    assert (name, network, size, batch, steps) == ("finetune", "tfpose_s", "224x224", "1", "1")
    assert 0.3 < float(gib) < 8
    ended = tfpose("benchmark", "memory", *more, "--limit=0.2")
    assert "more than 0.2" in ended.stdout
