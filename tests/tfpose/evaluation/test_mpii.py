"""MPII's people through a network that always points at the middle of what it is shown."""

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import scipy.io

from estimator import skeletons
from estimator.inputs.averaging import Averaging
from tests.tfpose import painted_people as painted
from tfpose.data.picture_files import Pictures
from tfpose.evaluation import mpii
from tfpose.evaluation.metrics import pckh
from tfpose.evaluation.network import Network

SPEC = replace(
    painted.TOP_DOWN,
    skeleton=skeletons.get("mpii16"),
    image=replace(painted.TOP_DOWN.image, height=64, width=64),
)


def middle(image: np.ndarray) -> dict[str, np.ndarray]:
    """A Gaussian in the middle of 16 x 16 cells."""
    bell = np.exp(-np.square(np.arange(16) - 7.5) / (2 * 2**2)).astype(np.float32)
    maps = np.outer(bell, bell)[np.newaxis, :, :, np.newaxis]
    return {"heatmaps": np.broadcast_to(maps, (len(image), 16, 16, 16))}


NETWORK = Network(name="middle", spec=SPEC, runner=middle, batches=True)
PEOPLE = (("a.png", 60.0, 50.0, 0.4), ("b.png", 30.0, 70.0, 0.2), ("a.png", 20.0, 30.0, 0.3))


def write(folder: Path) -> tuple[Path, Path]:
    entries = [
        {
            "image": name,
            "center": [x, y],
            "scale": scale,
            "joints": [[x, y]] * 16,
            "joints_vis": [1] * 16,
        }
        for name, x, y, scale in PEOPLE
    ]
    (folder / "valid.json").write_text(json.dumps(entries))
    with zipfile.ZipFile(folder / "images.zip", "w") as archive:
        data = cv2.imencode(".png", np.zeros((100, 120, 3), np.uint8))[1].tobytes()
        for name in ("a.png", "b.png"):
            archive.writestr(f"images/{name}", data)
    return folder / "valid.json", folder / "images.zip"


@pytest.mark.parametrize("flip", [False, True])
def test_the_middle_of_the_box_comes_back_1_based_and_in_order(flip: bool, tmp_path: Path) -> None:
    """HRNet looks 15 x scale below the centre; nothing else moves the point."""
    people, images = write(tmp_path)
    found = mpii.read_people(
        NETWORK, people, Pictures([images]), averaging=Averaging(flip=flip), batch=2
    )
    expected = [(x, y + 15 * scale) for _, x, y, scale in PEOPLE]
    np.testing.assert_allclose(found.xy.mean(axis=1), expected, atol=0.1)
    assert found.unread == ()


def test_written_predictions_are_read_as_hrnet_s(tmp_path: Path) -> None:
    people, images = write(tmp_path)
    found = mpii.read_people(NETWORK, people, Pictures([images]))
    mpii.write_mat(found, tmp_path / "out" / "pred.mat")
    truth = {
        "pos_gt_src": found.xy.transpose(1, 2, 0) + 1,  # each joint is sqrt(2) off
        "headboxes_src": np.array([[[0.0] * 3] * 2, [[3.0] * 3, [4.0] * 3]]),  # heads of 0.6 x 5
        "jnt_missing": np.zeros((16, 3)),
    }

    scipy.io.savemat(tmp_path / "gt.mat", truth)
    read = pckh.read_mat(tmp_path / "out" / "pred.mat", tmp_path / "gt.mat")
    assert pckh.pckh(read, threshold=0.5).mean == 100  # 1.41 of 3
    assert pckh.pckh(read, threshold=0.4).mean == 0


def test_a_person_whose_picture_is_missing_is_named_and_missed(tmp_path: Path) -> None:
    people, _ = write(tmp_path)
    (tmp_path / "folder").mkdir()
    cv2.imwrite(str(tmp_path / "folder" / "b.png"), np.zeros((100, 120, 3), np.uint8))
    found = mpii.read_people(NETWORK, people, Pictures([tmp_path / "folder"]))
    assert np.isnan(found.xy).all(axis=(1, 2)).tolist() == [True, False, True]
    assert [line.partition(":")[0] for line in found.unread] == ["a.png", "a.png"]


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    people, images = write(tmp_path)
    with pytest.raises(FileNotFoundError, match="no MPII people"):
        mpii.read_people(NETWORK, tmp_path / "none.json", Pictures([images]))
    bottom_up = painted.network(painted.BOTTOM_UP)
    with pytest.raises(ValueError, match="finds people by itself"):
        mpii.read_people(bottom_up, people, Pictures([images]))
