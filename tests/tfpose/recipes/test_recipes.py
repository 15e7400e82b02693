import json
from dataclasses import replace

import keras
import pytest

from augment import policy
from estimator import skeletons
from tfpose import models, recipes
from tfpose.blocks.layer_names import variable_name
from tfpose.data.resuming import differences
from tfpose.losses.distillation import channels
from tfpose.training import recipe
from tfpose.training.recipe import FREE, Recipe, override
from tfpose.training.run import spec_of
from tfpose.training.update.optimisers import Optimiser, check_groups

SMALL = Recipe(model="lightweight_openpose", steps=10)


@pytest.mark.parametrize("name", recipes.names())
def test_a_recipe_says_how_it_is_run_and_goes_together(name: str) -> None:
    import importlib

    text = importlib.import_module(recipes.modules()[name]).__doc__ or ""
    assert f"--recipe={name}" in text
    assert "--run=" in text
    found = recipes.get(name)
    assert spec_of(found).model == found.model
    policy.get(found.policy)
    assert json.loads(found.to_json())["model"] == found.model
    if found.teacher.model:
        channels(models.spec(found.teacher.model), spec_of(found))
    if found.schedule.shape == "milestones":
        assert found.examples or spec_of(found).image.fit == "letterbox"
        assert max(found.schedule.milestones) <= found.epochs


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in recipes.names() if recipes.get(name).groups])
def test_every_group_of_a_recipe_owns_variables(name: str) -> None:
    found = recipes.get(name)
    model = models.build(spec_of(found))
    check_groups([variable_name(variable) for variable in model.trainable_variables], found.groups)
    keras.backend.clear_session()


def test_lightweight_openposes_rates_are_the_originals() -> None:
    """Its train.py has a group for each of these; rate, and whether it decays."""
    from tfpose.training.update.optimisers import group_of

    groups = recipes.get("lightweight_openpose_step1").groups
    expected = {
        "model.0.0/kernel": (1, True),
        "model.4.0/kernel": (1, False),
        "model.4.3/kernel": (1, True),
        "model.4.1/gamma": (1, False),
        "model.4.1/beta": (2, False),
        "cpm.align.0/kernel": (1, True),
        "cpm.align.0/bias": (2, False),
        "cpm.trunk.1.0/kernel": (1, False),
        "cpm.trunk.1.2/kernel": (1, True),
        "initial_stage.trunk.0.0/bias": (2, False),
        "refinement_stages.0.trunk.1.trunk.0.0/kernel": (4, True),
        "refinement_stages.0.trunk.1.trunk.0.0/bias": (8, False),
        "refinement_stages.0.trunk.1.trunk.0.1/gamma": (1, False),
        "refinement_stages.0.trunk.1.trunk.0.1/beta": (2, False),
    }
    found = {path: group_of(path, groups) for path in expected}
    assert {path: (group.rate, group.decay is None) for path, group in found.items()} == expected


def test_flags_reach_every_part_and_parse_tuples() -> None:
    changed = override(
        SMALL,
        {
            "batch": 16,
            "optimiser.rate": 0.5,
            "schedule.milestones": "10,20.5",
            "start_layers": "model,cpm",
            "teacher.model": "cmu",
        },
    )
    assert (changed.batch, changed.optimiser.rate) == (16, 0.5)
    assert changed.schedule.milestones == (10, 20.5)
    assert changed.start_layers == ("model", "cpm")
    assert changed.teacher.model == "cmu"
    assert SMALL.batch == 32
    kinds = recipe.settings()
    assert kinds["optimiser.rate"] is float
    assert kinds["deterministic"] is bool
    assert kinds["loss.stages"] is tuple
    assert kinds["encoder"] is str
    assert "groups" not in kinds


def test_steps_take_the_place_of_epochs() -> None:
    assert override(SMALL, {"epochs": 2.0}).steps == 0
    assert override(replace(SMALL, steps=0, epochs=1.0), {"steps": 5}).epochs == 0


def test_an_unknown_setting_is_refused() -> None:
    with pytest.raises(ValueError, match=r"no optimiser\.speed; there are .*optimiser\.rate"):
        override(SMALL, {"optimiser.speed": 1})


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"batch": 0}, "batch must be at least 1"),
        ({"steps": 0}, "steps or epochs"),
        ({"epochs": 3.0}, "steps or epochs"),
        ({"precision": "float16"}, "precision must be one of"),
        ({"ema": 1.0}, "ema must be 0 or between"),
        ({"clip": -1.0}, "clip must not be negative"),
        ({"encoder": "dark"}, "encoder must be one of"),
    ],
)
def test_impossible_recipes_are_refused(wrong: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(SMALL, **wrong)


def test_differences_name_what_matters_alone() -> None:
    before = json.loads(SMALL.to_json())
    free = replace(SMALL, steps=20, log_every=1, data_dir="elsewhere")
    assert differences(before, json.loads(free.to_json()), free=FREE) == []
    other = replace(free, optimiser=Optimiser(rate=0.5), height=64)
    assert differences(before, json.loads(other.to_json()), free=FREE) == [
        "height: 0, now 64",
        "optimiser.rate: 0.001, now 0.5",
    ]


def test_a_recipe_may_have_a_skeleton_of_its_own() -> None:
    spec = spec_of(replace(SMALL, skeleton="coco17"))
    assert spec.skeleton == skeletons.get("coco17")
