from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.tfpose import small_runs, toy_data
from tfpose.evaluation import evaluate
from tfpose.training import validation


class _SeenError(Exception):
    pass


@pytest.mark.parametrize(("asked", "height"), [(0, 32), (96, 96)])
def test_validation_looks_at_the_height_of_the_training_unless_told_otherwise(
    asked: int, height: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_runs.add_family(monkeypatch.setattr)
    toy_data.write(tmp_path, 2)
    seen: dict[str, Any] = {}

    def stop(network: Any, *_: Any, **__: Any) -> evaluate.Report:
        seen["height"] = network.spec.image.height
        raise _SeenError

    monkeypatch.setattr(validation, "evaluate", stop)
    default = small_runs.spec()  # 64 high
    spec = replace(default, image=replace(default.image, height=32, width=32))
    measure = validation.on_coco(
        tmp_path / "toy.json",
        [tmp_path / "pictures"],
        skeleton=_toy(tmp_path),
        height=asked,
    )
    with pytest.raises(_SeenError):
        measure(small_runs.build(spec, 32, 32), spec, 1)
    assert seen["height"] == height


def _toy(folder: Path) -> Any:
    from estimator import skeletons

    return skeletons.get(folder / "skeleton.json")


def test_validation_without_a_person_is_refused_before_training(tmp_path: Path) -> None:
    nobody = [toy_data.annotation(1, 1, keypoints=[0] * 15)]
    toy_data.write(tmp_path, 2, annotations=nobody)
    with pytest.raises(ValueError, match="no person with a labelled keypoint"):
        validation.on_coco(tmp_path / "toy.json", [tmp_path / "pictures"], skeleton=_toy(tmp_path))
