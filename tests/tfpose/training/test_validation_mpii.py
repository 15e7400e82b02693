from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.io

from tests.tfpose.evaluation import test_mpii as toy
from tfpose.evaluation import mpii
from tfpose.training import loop, validation_mpii


def test_pckh_is_measured_on_what_would_ship(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    people, images = toy.write(tmp_path)
    found = mpii.read_people(toy.NETWORK, people, toy.Pictures([images]))
    off = np.zeros_like(found.xy)
    off[0] = 2  # of heads of 3 pixels: a miss at 0.5
    truth = {
        "pos_gt_src": (found.xy + off).transpose(1, 2, 0),
        "headboxes_src": np.array([[[0.0] * 3] * 2, [[3.0] * 3, [4.0] * 3]]),
        "jnt_missing": np.zeros((16, 3)),
    }
    scipy.io.savemat(tmp_path / "gt.mat", truth)
    monkeypatch.setattr(validation_mpii, "shipped", lambda model, spec: (model, spec))
    monkeypatch.setattr(validation_mpii.networks, "of_keras", lambda *_: toy.NETWORK)
    validate = validation_mpii.on_mpii(people, tmp_path / "gt.mat", [images])
    figures = validate(None, toy.SPEC, 7)
    assert figures["PCKh"] == pytest.approx(200 / 3)
    with pytest.raises(FileNotFoundError, match="no people or truth of MPII"):
        validation_mpii.on_mpii(people, tmp_path / "none.mat", [images])


def test_the_best_by_pckh_is_kept() -> None:
    parts = SimpleNamespace(average=None, model=None)
    state = SimpleNamespace(chief=True, parts=parts, spec=None, step=1, best=float("-inf"))
    kept = [
        loop._improved(state, lambda *_, share=share: {"PCKh": share, "loss": 0.0}, None)
        for share in (40.0, 60.0, 50.0)
    ]
    assert kept == [True, True, False]
    assert state.best == 60
    assert not loop._improved(state, lambda *_: {"other": 99.0}, None)
