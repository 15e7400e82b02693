"""Commands of a new user's first day: samples, weights, editing, and what they say when wrong."""

import json
from pathlib import Path

from .conftest import Tfpose


def test_samples_are_made_of_all_kinds_and_of_one(tmp_path: Path, tfpose: Tfpose) -> None:
    ended = tfpose("sample", f"--out={tmp_path}/all")
    assert ended.returncode == 0, ended.stderr
    for name in ("photo.jpg", "walk.mp4", "people/val.json", "toy/skeleton.json"):
        assert (tmp_path / "all" / name).is_file()
        assert str(tmp_path / "all" / name) in ended.stdout
    assert tfpose("sample", "photo", f"--out={tmp_path}/one").returncode == 0
    assert [path.name for path in (tmp_path / "one").iterdir()] == ["photo.jpg"]
    wrong = tfpose("sample", "nothing", f"--out={tmp_path}")
    assert (wrong.returncode, wrong.stderr.count("\n")) == (1, 1)
    assert "there are photo, film, people, toy" in wrong.stderr


def test_weights_are_listed_and_those_fetched_by_hand_say_where_to_put_them(
    tmp_path: Path, tfpose: Tfpose
) -> None:
    listed = tfpose("weights", f"--out={tmp_path}").stdout
    assert "human_pose_estimation_0001" in listed
    ended = tfpose("weights", "cmu", f"--out={tmp_path}")
    assert ended.returncode == 1
    assert f"put it to {tmp_path}/openpose_coco.npy" in ended.stdout
    (tmp_path / "openpose_coco.npy").touch()
    ended = tfpose("weights", "cmu", f"--out={tmp_path}")
    assert ended.returncode == 0
    assert ended.stdout.startswith("tfpose import-weights --model=cmu --source=")
    assert "cmu " in tfpose("weights", f"--out={tmp_path}").stdout
    assert tfpose("weights", "nothing").returncode == 1


def test_annotations_are_edited_into_a_file_and_its_skeleton(
    toy: Path, tmp_path: Path, tfpose: Tfpose
) -> None:
    out, skeleton = tmp_path / "new" / "two.json", tmp_path / "skeleton.json"
    ended = tfpose(
        "edit-annotations",
        f"--annotations={toy}/toy.json",
        "--keep=left_hand,head",
        "--rename=head=top",
        f"--skeleton={toy}/skeleton.json",
        f"--skeleton_out={skeleton}",
        f"--out={out}",
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.endswith("2 keypoints: left_hand, top\n")
    assert json.loads(out.read_text())["categories"][0]["keypoints"] == ["left_hand", "top"]
    assert json.loads(skeleton.read_text())["limbs"] == [["left_hand", "top"]]
    wrong = tfpose(
        "edit-annotations", f"--annotations={toy}/toy.json", "--keep=tail", f"--out={out}"
    )
    assert wrong.returncode == 1
    assert "keep each keypoint once, of head, left_hand" in wrong.stderr
    pair = tfpose(
        "edit-annotations", f"--annotations={toy}/toy.json", "--rename=head", f"--out={out}"
    )
    assert pair.returncode == 2


def test_what_a_training_says_last_is_what_one_types_next(tmp_path: Path) -> None:
    from estimator.layout import ImageSpec
    from tfpose.commands import next_steps

    image = ImageSpec(height=352, width=480, multiple=32, flexible=True)
    stopped = next_steps.text(tmp_path, image, height=128, annotations=None, images=())
    assert "the same command goes on" in stopped
    (tmp_path / "model.keras").touch()
    told = next_steps.text(
        tmp_path, image, height=128, annotations="my val.json", images=("a", "b")
    )
    assert f"{tmp_path}/model.keras: the network" in told
    assert "--height=128 --annotations='my val.json' --images=a,b" in told
    assert "--height=128 --width=160" in told  # 480/352 of 128, a multiple of 32
    fixed = ImageSpec(height=256, width=192, fit="crop")
    assert "--height" not in next_steps.text(
        tmp_path, fixed, height=256, annotations=None, images=()
    )
