"""A run as another's teacher: it is built for the skeleton that it was trained for."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from estimator import skeletons
from tfpose import models, recipes
from tfpose.losses.distillation import TeacherOptions
from tfpose.training import objective, run_folder
from tfpose.weights import opening


def run(folder: Path, skeleton: str) -> Path:
    recipe = replace(recipes.get("hourglass"), skeleton=skeleton)
    (folder / run_folder.RECIPE).write_text(recipe.to_json(), encoding="utf-8")
    return folder


@pytest.mark.parametrize(("told", "built"), [("coco17", "coco17"), ("", None)])
def test_a_teacher_has_the_skeleton_of_its_run(
    told: str, built: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Any] = {}

    def load(model: str, weights: str, **options: Any) -> Any:
        asked.update(options, weights=weights)
        raise InterruptedError

    monkeypatch.setattr(opening, "load", load)
    options = TeacherOptions(model="hg_s8_b1", weights=str(run(tmp_path, told)))
    with pytest.raises(InterruptedError):
        objective.load_teacher(options, models.spec("hg_s2_b1_mobile"))
    assert asked["weights"] == str(tmp_path)
    assert asked["skeleton"] == (skeletons.get(built) if built else None)


def test_weights_that_are_no_run_have_the_networks_own_skeleton(tmp_path: Path) -> None:
    assert run_folder.skeleton_of(tmp_path) is None
    assert run_folder.skeleton_of(tmp_path / "x.weights.h5") is None


def test_a_teachers_damaged_recipe_is_named(tmp_path: Path) -> None:
    (tmp_path / run_folder.RECIPE).write_text("{")
    with pytest.raises(ValueError, match=r"recipe\.json is no recipe"):
        run_folder.skeleton_of(tmp_path)
