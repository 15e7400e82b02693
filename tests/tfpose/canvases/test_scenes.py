import json
from pathlib import Path

import numpy as np
import pytest

from estimator import pictures
from tests.tfpose import toy_data
from tests.tfpose.data.test_prepare import run
from tfpose.canvases import scenes
from tfpose.data.picture_files import BadPicture, Pictures


def test_a_prepared_sets_pictures_are_read_by_number(tmp_path: Path) -> None:
    toy_data.write(tmp_path, images=3)
    run(tmp_path)
    found, skeleton = scenes.prepared("custom/toy", tmp_path / "data", "train")
    assert skeleton.name == "toy5"
    assert sorted(scene.name for scene in found) == ["1", "2", "3"]
    everything = scenes.gather(found)
    for index, scene in enumerate(found):
        assert scene.origin == "custom/toy"
        np.testing.assert_array_equal(scene.keypoints, [np.reshape(toy_data.PERSON, (5, 3))])
        np.testing.assert_allclose(scene.boxes, [[14.5, 4.5, 30, 50]])
        expected = pictures.read(toy_data.picture(int(scene.name)))
        np.testing.assert_array_equal(everything.read(index), expected)


def test_an_annotation_file_says_the_origins(tmp_path: Path) -> None:
    toy_data.write(tmp_path, images=3)
    path = tmp_path / "toy.json"
    tree = json.loads(path.read_text())
    for image, origin in zip(tree["images"], ("street", "gym", "street"), strict=True):
        image["dataset"] = origin
    path.write_text(json.dumps(tree))
    known = scenes.origins(path, "dataset")
    assert known == {"1": "street", "2": "gym", "3": "street"}
    run(tmp_path)
    found, _ = scenes.prepared("custom/toy", tmp_path / "data", "train", origins=known)
    assert {scene.name: scene.origin for scene in found} == known
    with pytest.raises(ValueError, match=r"no image of .* has a field 'colour'"):
        scenes.origins(path, "colour")


def test_a_shard_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    toy_data.write(tmp_path, images=2)
    folder = run(tmp_path).folder
    (shard,) = folder.glob("*.tfrecord*")
    shard.write_bytes(shard.read_bytes()[:-10])
    with pytest.raises(ValueError, match=r"tfrecord.* is cut off: prepare the data set anew"):
        scenes.prepared("custom/toy", tmp_path / "data", "train")


def test_a_split_that_is_not_there_is_refused(tmp_path: Path) -> None:
    toy_data.write(tmp_path, images=2)
    run(tmp_path)
    with pytest.raises(ValueError, match="custom/toy has no split 'test', only train"):
        scenes.prepared("custom/toy", tmp_path / "data", "test")


def test_a_folders_pictures_are_read_upright_and_bad_ones_named(tmp_path: Path) -> None:
    (tmp_path / "good.jpg").write_bytes(toy_data.picture(1))
    (tmp_path / "torn.jpg").write_bytes(toy_data.picture(1)[:300])
    files = Pictures([tmp_path])
    found = scenes.gather(scenes.unlabelled(files), files=files)
    assert [scene.name for scene in found.scenes] == ["good.jpg", "torn.jpg"]
    assert not found.scenes[0].empty
    assert found.read(0).shape == (60, 64, 3)
    with pytest.raises(BadPicture, match=r"torn\.jpg: .*cut off"):
        found.read(1)
