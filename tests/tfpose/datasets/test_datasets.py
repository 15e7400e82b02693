import json
import struct
from pathlib import Path
from typing import Any

import cv2
import lmdb
import numpy as np
import pytest
import scipy.io

from estimator import skeletons
from tests.tfpose import toy_data
from tfpose import datasets
from tfpose.data.pose_set import PoseSet
from tfpose.datasets import cmu_lmdb, custom

# pycocotools 2.0 in numpy 2


def sets(name: str, source: Path) -> dict[str, PoseSet]:
    return datasets.get(name)(data_dir=source / "out").sets(source)


def test_module_names_are_the_data_sets() -> None:
    assert datasets.names() == ("cmu_lmdb", "coco", "crowdpose", "custom", "lsp", "mpii")
    for name in datasets.names():
        assert datasets.get(name).name == name
    with pytest.raises(ValueError, match="no data set 'cocoo'; there are cmu_lmdb, coco,"):
        datasets.get("cocoo")


@pytest.mark.parametrize("name", sorted(set(datasets.names()) - {"custom"}))
def test_empty_source_says_what_it_needs(tmp_path: Path, name: str) -> None:
    with pytest.raises(FileNotFoundError, match=rf"holds nothing of {name}. It needs:\n\w+"):
        sets(name, tmp_path)


def coco_tree(skeleton: str) -> dict[str, Any]:
    names = list(skeletons.get(skeleton).keypoints)
    person = [3, 4, 2] * len(names)
    tree = toy_data.tree(1)
    tree["categories"][0]["keypoints"] = names
    tree["annotations"] = [toy_data.annotation(1, 1, keypoints=person)]
    return tree


def write_picture(path: Path, number: int = 1) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(toy_data.picture(number))


@pytest.mark.parametrize(
    ("name", "skeleton", "annotations", "pictures", "split"),
    [
        ("coco", "coco17", "annotations/person_keypoints_val2017.json", "val2017", "val"),
        ("crowdpose", "crowdpose14", "json/crowdpose_test.json", "images", "test"),
    ],
)
def test_coco_layouts_are_read(
    tmp_path: Path, name: str, skeleton: str, annotations: str, pictures: str, split: str
) -> None:
    path = tmp_path / annotations
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(coco_tree(skeleton)))
    with pytest.raises(FileNotFoundError, match=rf"neither the folder .*{pictures} nor .*.zip"):
        sets(name, tmp_path)
    write_picture(tmp_path / pictures / "001.jpg")
    found = sets(name, tmp_path)
    assert list(found) == [split]
    record = found[split].record(found[split].samples[0])
    assert record.keypoints.shape == (1, len(skeletons.get(skeleton).keypoints), 3)


def test_skeleton_of_a_set_is_found_by_its_keypoints(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(coco_tree("crowdpose14")))
    assert custom.skeleton_of(tmp_path / "a.json").name == "crowdpose14"
    (tmp_path / "b.json").write_text(json.dumps(toy_data.tree(1)))
    with pytest.raises(ValueError, match=r"b.json has keypoints of its own .*--skeleton"):
        custom.skeleton_of(tmp_path / "b.json")


def test_mpii_json_leaves_matlab_behind(tmp_path: Path) -> None:
    person = {
        "image": "001.jpg",
        "center": [31.0, 21.0],
        "scale": 0.2,
        "joints": [[1.0, 1.0], [-1.0, -1.0], *[[11.0, 21.0]] * 14],
        "joints_vis": [1, 0, *[1] * 14],
    }
    (tmp_path / "annot").mkdir()
    (tmp_path / "annot" / "valid.json").write_text(json.dumps([person, person]))
    write_picture(tmp_path / "images" / "001.jpg")
    (sample,) = sets("mpii", tmp_path)["val"].samples
    assert sample.keypoints.shape == (2, 16, 3)
    assert sample.keypoints[0, :3].tolist() == [[0, 0, 2], [0, 0, 0], [10, 20, 2]]
    # 200 x 0.2 = 40 pixels about (30, 20), 15 x 0.2 = 3 lower
    assert sample.boxes[0].tolist() == pytest.approx([10, 3, 40, 40])


def test_mpii_json_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "annot").mkdir()
    (tmp_path / "annot" / "train.json").write_text(json.dumps([{"image": "001.jpg"}]))
    write_picture(tmp_path / "images" / "001.jpg")
    with pytest.raises(ValueError, match=r"train.json is none of HRNet's MPII files"):
        sets("mpii", tmp_path)


def test_mpii_mat_has_occlusion_and_people_without_joints(tmp_path: Path) -> None:
    def struct_array(rows: list[dict[str, Any]]) -> np.ndarray:
        array = np.zeros((1, len(rows)), dtype=[(name, object) for name in rows[0]])
        for index, row in enumerate(rows):
            array[0, index] = tuple(row.values())
        return array

    points = struct_array(
        [
            {"x": 11.0, "y": 21.0, "id": 0, "is_visible": "1"},
            {"x": 12.0, "y": 22.0, "id": 1, "is_visible": "0"},
            {"x": 13.0, "y": 23.0, "id": 9, "is_visible": np.zeros((0, 0))},
        ]
    )
    head = {"x1": 5.0, "y1": 6.0, "x2": 9.0, "y2": 12.0}
    centre = {"scale": 0.2, "objpos": {"x": 31.0, "y": 21.0}}
    nothing = np.zeros((0, 0))
    people = struct_array(
        [
            {**head, **centre, "annopoints": {"point": points}},
            {**head, "scale": nothing, "objpos": nothing, "annopoints": nothing},
        ]
    )
    annolist = struct_array(
        [
            {"image": {"name": "001.jpg"}, "annorect": people},
            {"image": {"name": "002.jpg"}, "annorect": nothing},
            {"image": {"name": "003.jpg"}, "annorect": people},
        ]
    )
    release = {"annolist": annolist, "img_train": np.array([[1, 1, 0]])}
    scipy.io.savemat(tmp_path / "mpii_human_pose_v1_u12_1.mat", {"RELEASE": release})
    write_picture(tmp_path / "images" / "001.jpg")
    part = sets("mpii", tmp_path)["train"]
    (sample,) = part.samples  # 002 has nobody, 003 is of the test
    assert sample.keypoints.shape == (1, 16, 3)
    assert sample.keypoints[0, [0, 1, 2, 9]].tolist() == [
        [10, 20, 2],
        [11, 21, 1],
        [0, 0, 0],
        [12, 22, 2],
    ]
    # The head from (5, 6) to (9, 12), counted from 1: columns 4 to 8, rows 5 to 11.
    mask = part.mask(sample, 60, 64)
    assert mask[5:12, 4:9].min() == 255
    assert mask.sum() == 255 * 35


def test_file_that_is_no_mpii_mat_is_refused(tmp_path: Path) -> None:
    scipy.io.savemat(tmp_path / "mpii_human_pose_v1_u12_1.mat", {"joints": np.zeros(3)})
    write_picture(tmp_path / "images" / "001.jpg")
    with pytest.raises(ValueError, match="is not MPII's annotation file"):
        sets("mpii", tmp_path)


def write_lsp(folder: Path, joints: np.ndarray, name: str) -> None:
    write_picture(folder / "images" / name)
    scipy.io.savemat(folder / "joints.mat", {"joints": joints})


def test_lsp_flags_what_is_occluded_and_lspet_what_is_labelled(tmp_path: Path) -> None:
    joints = np.zeros((1, 14, 3))
    joints[0, :, :2] = 11, 21
    joints[0, 3, 2] = 1
    write_lsp(tmp_path / "lsp_dataset", joints.transpose(2, 1, 0), "im0001.jpg")
    write_lsp(tmp_path / "lspet_dataset", joints.transpose(1, 2, 0), "im00001.jpg")
    found = sets("lsp", tmp_path)
    assert list(found) == ["train", "extended"]  # nothing is left for LSP's test
    occluded = found["train"].record(found["train"].samples[0]).keypoints[0]
    assert occluded[:4].tolist() == [[10, 20, 2], [10, 20, 2], [10, 20, 2], [10, 20, 1]]
    labelled = found["extended"].record(found["extended"].samples[0]).keypoints[0]
    assert labelled[:4].tolist() == [[0, 0, 0], [0, 0, 0], [0, 0, 0], [10, 20, 2]]


def test_lsp_folders_mixed_up_are_refused(tmp_path: Path) -> None:
    write_lsp(tmp_path / "lsp_dataset", np.zeros((14, 3, 2)), "im0001.jpg")
    with pytest.raises(ValueError, match="were the folders mixed up"):
        sets("lsp", tmp_path)


def cmu_datum(people: list[np.ndarray], *, picture: int, validation: bool = False) -> bytes:
    """A record as genLMDB.py writes it: the first person is the main one."""
    height, width = 60, 80
    planes = np.zeros((6, height, width), np.uint8)
    planes[:3] = np.arange(3)[:, None, None] * 50 + 7  # blue, green, red
    planes[4] = 255
    planes[4, :10] = 0

    def put(row: int, column: int, values: Any) -> None:
        packed = struct.pack(f"<{np.size(values)}f", *np.ravel(values))
        planes[3, row, column : column + len(packed)] = np.frombuffer(packed, np.uint8)

    planes[3, 0, :4] = np.frombuffer(b"COCO", np.uint8)
    put(1, 0, [height, width])
    planes[3, 2, :2] = validation, len(people) - 1
    put(2, 3, [picture, 0, 1])
    put(3, 0, [31, 41])
    put(4, 0, 0.1)
    for row in range(3):
        put(5 + row, 0, people[0][:, row])
    others = people[1:]
    for index, other in enumerate(others):
        put(8 + index, 0, [51, 41])
        put(8 + len(others), 4 * index, 0.1)
        for row in range(3):
            put(9 + len(others) + 3 * index + row, 0, other[:, row])
    data = planes.tobytes()
    length = b""
    rest = len(data)
    while rest > 0x7F:
        length += bytes([rest & 0x7F | 0x80])
        rest >>= 7
    length += bytes([rest])
    return b"\x08\x06\x10\x3c\x18\x50\x22" + length + data + b"\x28\x00"


def write_lmdb(folder: Path, values: list[bytes]) -> None:
    with (
        lmdb.open(str(folder), map_size=2**24) as environment,
        environment.begin(write=True) as transaction,
    ):
        for index, value in enumerate(values):
            transaction.put(f"{index:07d}".encode(), value)


PERSON = np.tile([21.0, 31.0, 1.0], (17, 1))
PERSON[1] = 41, 35, 0  # occluded
PERSON[2] = 0, 0, 2  # not labelled


def test_cmu_lmdb_gives_each_picture_once_with_everybody(tmp_path: Path) -> None:
    both = [PERSON, PERSON + np.array([10, 0, 0])]
    write_lmdb(
        tmp_path,
        [
            cmu_datum(both, picture=5),
            cmu_datum(both[::-1], picture=5),
            cmu_datum([PERSON], picture=6, validation=True),
        ],
    )
    found = sets("cmu_lmdb", tmp_path)
    assert {split: [s.image_id for s in part.samples] for split, part in found.items()} == {
        "train": ["COCO_5"],
        "val": ["COCO_6"],
    }
    part = found["train"]
    record = part.part(part.samples).record(part.samples[0])
    assert record.keypoints[0, :4].tolist() == [[20, 30, 2], [40, 34, 1], [0, 0, 0], [20, 30, 2]]
    assert record.keypoints[1, 0].tolist() == [30, 30, 2]
    # 36.8 high about y 40; about x 30 as wide as x 19.5 to 40.5 needs
    assert record.boxes[0].tolist() == pytest.approx([19.5, 21.6, 21, 36.8])
    picture = cv2.imdecode(np.frombuffer(record.image, np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (60, 80, 3)
    assert picture[0, 0].tolist() == [7, 57, 107]
    mask = cv2.imdecode(np.frombuffer(record.ignore, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert mask[:10].min() == 255
    assert mask[10:].max() == 0


def test_truncated_lmdb_is_refused(tmp_path: Path) -> None:
    write_lmdb(tmp_path, [cmu_datum([PERSON], picture=number) for number in range(20)])
    file = tmp_path / "data.mdb"
    content = file.read_bytes()
    for length in (len(content) // 2, 5000, 100):
        file.write_bytes(content[:length])
        with pytest.raises(ValueError, match=r"data.mdb .* was cut short; fetch it again"):
            sets("cmu_lmdb", tmp_path)


def test_record_that_is_no_datum_is_named(tmp_path: Path) -> None:
    values = [cmu_datum([PERSON], picture=number) for number in range(3)]
    write_lmdb(tmp_path, [*values, b"\x08\x03", values[0][:-5000]])
    part = sets("cmu_lmdb", tmp_path)["train"]
    assert len(part.samples) == 3
    assert [line[:10] for line in part.unusable] == ["0000003 is", "0000004 is"]


def test_datum_of_other_planes_is_refused() -> None:
    with pytest.raises(ValueError, match="k is no Caffe Datum of the 6 planes"):
        cmu_lmdb.parse_datum("k", memoryview(b"\x08\x05\x10\x01\x18\x01\x22\x05abcde"))


@pytest.mark.parametrize(
    ("folder", "name", "people"), [("mpii", "mpii", 5), ("crowdpose", "crowdpose", 4)]
)
def test_samples_of_other_toolkits_read_right(
    shared: Path, tmp_path: Path, folder: str, name: str, people: int
) -> None:
    import zipfile

    with zipfile.ZipFile(shared / "data" / "samples.zip") as archive:
        archive.extractall(tmp_path)
    source = tmp_path / folder
    (source / "images").mkdir()
    for path in source.glob("*.jpg"):
        path.rename(source / "images" / path.name)
    target = {"mpii": "annot/train.json", "crowdpose": "json/crowdpose_test.json"}[name]
    (source / target).parent.mkdir()
    (source / f"test_{name}.json").rename(source / target)
    (part,) = sets(name, source).values()
    records = [part.record(sample) for sample in part.samples]
    assert sum(len(record.keypoints) for record in records) == people
    for record in records:
        labelled = record.keypoints[record.keypoints[..., 2] > 0]
        assert (labelled[:, :2] >= 0).all()
        assert (labelled[:, :2] < (record.width, record.height)).all()
