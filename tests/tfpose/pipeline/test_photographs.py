"""On photographs, a keypoint keeps the colour under it through the whole pipeline."""

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from augment import policy
from augment.policy import Draw
from estimator import skeletons
from estimator.decoders import paf
from estimator.layout import ImageSpec, OutputSpec
from estimator.spec import PoseSpec
from tfpose.data.records import Record
from tfpose.pipeline import batches as input_pipeline


def coco_records(shared: Path, count: int) -> list[Record]:
    """Pictures of data/coco_dev and their people, in our convention (COCO counts from corners)."""
    tree = json.loads((shared / "data/coco_dev.json").read_text())
    records = []
    with zipfile.ZipFile(shared / "data/images_coco_dev.zip") as archive:
        members = {Path(name).name: name for name in archive.namelist()}
        for image in tree["images"][:count]:
            people = [one for one in tree["annotations"] if one["image_id"] == image["id"]]
            people = [one for one in people if one.get("num_keypoints") and not one["iscrowd"]]
            keypoints = np.float32([one["keypoints"] for one in people]).reshape(-1, 17, 3)
            keypoints[..., :2] -= 0.5
            keypoints[keypoints[..., 2] == 0] = 0
            boxes = np.float32([one["bbox"] for one in people]).reshape(-1, 4)
            records.append(
                Record(
                    image=archive.read(members[Path(image["file_name"]).name]),
                    image_id=str(image["id"]),
                    height=image["height"],
                    width=image["width"],
                    keypoints=keypoints,
                    boxes=boxes - np.float32([0.5, 0.5, 0, 0]),
                    areas=np.float32([one["area"] for one in people]),
                )
            )
    return records


@pytest.mark.slow
@pytest.mark.parametrize("name", policy.names())
def test_on_photographs_a_keypoint_keeps_the_colour_under_it(shared: Path, name: str) -> None:
    records = {record.image_id: record for record in coco_records(shared, 24)}
    chosen = replace(policy.get(name), brightness=Draw(low=1, high=1), blur=0.0)
    chosen = replace(chosen, contrast=Draw(low=1, high=1), channel=Draw(low=1, high=1))
    coco = skeletons.get("coco17")
    spec = PoseSpec(
        model="none",
        skeleton=coco,
        image=ImageSpec(height=368, width=368),
        outputs=OutputSpec(),
        decoder=paf.Parameters(),
    )
    batches = input_pipeline.training(
        input_pipeline.from_records(records.values()),
        spec,
        skeleton=coco,
        policy=chosen,
        options=input_pipeline.BatchOptions(batch=8, epochs=1, encoder="none", threads=1),
    )
    differences = []
    for batch in batches:
        assert batch["skipped"] == 0
        for index, image_id in enumerate([name.decode() for name in batch["image_id"].numpy()]):
            picture = cv2.imdecode(np.frombuffer(records[image_id].image, np.uint8), 1)[..., ::-1]
            back = np.linalg.inv(batch["matrix"][index])
            sample, people = batch["image"][index].numpy(), batch["keypoints"][index].numpy()
            for x, y, _ in people[people[..., 2] > 0]:
                here = sample[round(float(y)), round(float(x))]
                source = np.round(back[:2] @ [x, y, 1]).astype(int).clip(0)
                there = picture[
                    min(source[1], len(picture) - 1), min(source[0], picture.shape[1] - 1)
                ]
                differences.append(np.abs(here.astype(int) - there).mean())
    assert len(differences) > 40
    assert np.median(differences) < 10
