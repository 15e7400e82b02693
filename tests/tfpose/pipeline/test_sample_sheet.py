from pathlib import Path

import cv2
import numpy as np
import pytest

from augment import policy
from estimator import skeleton_file
from estimator.decoders import heatmap, paf
from estimator.layout import ImageSpec, OutputSpec
from estimator.skeleton import Skeleton
from estimator.spec import PoseSpec
from tests.tfpose import toy_data
from tfpose.data import contact_sheet, ignore_regions
from tfpose.data.records import Record
from tfpose.pipeline import batches, sample_sheet

TOY: Skeleton = skeleton_file.from_tree(toy_data.SKELETON)
PERSON = np.reshape(np.float32(toy_data.PERSON), (1, 5, 3))


def record(number: int, people: int = 1) -> Record:
    mask = np.zeros((60, 64), np.uint8)
    mask[:, :8] = 255
    return Record(
        image=toy_data.picture(number),
        image_id=str(number),
        height=60,
        width=64,
        keypoints=PERSON[:people],
        boxes=np.float32([toy_data.BOX])[:people],
        areas=np.float32([800])[:people],
        ignore=ignore_regions.encode_mask(mask),
    )


def spec(*, top_down: bool) -> PoseSpec:
    return PoseSpec(
        model="none",
        skeleton=TOY,
        image=ImageSpec(height=64, width=64, fit="crop" if top_down else "letterbox"),
        outputs=OutputSpec(pafs=not top_down),
        decoder=heatmap.Parameters() if top_down else paf.Parameters(),
    )


@pytest.mark.parametrize("top_down", [False, True])
@pytest.mark.parametrize("augmented", [False, True])
def test_sheet_has_a_row_a_sample(top_down: bool, augmented: bool) -> None:
    records = batches.from_records([record(1), record(2, people=0), record(3)])
    name = "hrnet" if top_down else "lightweight_openpose"
    sheet = sample_sheet.draw(
        records,
        spec(top_down=top_down),
        skeleton=TOY,
        policy=policy.get(name) if augmented else None,
        count=5,
    )
    tile = sample_sheet.TILE
    assert sheet.shape == (2 * tile, (3 if top_down else 4) * tile, 3)
    assert sheet.dtype == np.uint8


def test_nobody_to_show_is_refused() -> None:
    records = batches.from_records([record(1, people=0)])
    with pytest.raises(ValueError, match="no samples to show"):
        sample_sheet.draw(records, spec(top_down=False), skeleton=TOY, policy=None, count=1)


def test_drawn_keypoint_is_where_it_is_and_has_its_sides_colour() -> None:
    black = np.zeros((60, 64, 3), np.uint8)
    drawn = contact_sheet.draw_people(black, PERSON, TOY, thickness=1)
    assert drawn[20, 40].tolist() == list(contact_sheet.LEFT)
    assert drawn[10, 30].tolist() == list(contact_sheet.MIDDLE)
    assert drawn[20, 20].sum() == 0  # right hand, occluded: a ring
    assert drawn[18:23, 18:23].reshape(-1, 3).max(axis=0).argmax() == np.argmax(contact_sheet.RIGHT)
    assert black.sum() == 0  # a copy


def test_sheet_of_one_is_padded_and_written(tmp_path: Path) -> None:
    tile = contact_sheet.fit(np.full((30, 40, 3), 200, np.uint8), 100, 120, "caption")
    assert tile.shape == (100, 120, 3)
    assert tile[10, 60].tolist() == [200, 200, 200]
    sheet = contact_sheet.tile([tile] * 3, 2)
    assert sheet.shape == (200, 240, 3)
    assert sheet[150, 200].sum() == 0
    contact_sheet.write(tmp_path / "new" / "sheet.png", sheet)
    np.testing.assert_array_equal(cv2.imread(str(tmp_path / "new" / "sheet.png")), sheet)


def test_shaded_and_cut_parts() -> None:
    grey = np.full((10, 10, 3), 100, np.uint8)
    mask = np.zeros((10, 10), np.uint8)
    mask[2, 3] = 1
    shaded = contact_sheet.shade(grey, mask)
    assert shaded[2, 3].tolist() == [80, 80, 150]
    assert (shaded != grey).any(axis=2).sum() == 1
    assert contact_sheet.cut(grey, np.float32([-50, -50, -40, -40]), 0.1).shape == (2, 2, 3)
