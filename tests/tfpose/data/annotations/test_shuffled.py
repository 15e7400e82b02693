"""Files shuffled, retyped and damaged at random: no traceback, no flattery, one count of people."""

import copy
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.tfpose import painted_people as painted
from tfpose.data import annotations
from tfpose.data.pose_set import check
from tfpose.evaluation import annotations as truth
from tfpose.evaluation.metrics import coco

FIELDS = ("id", "image_id", "category_id", "keypoints", "bbox", "area", "iscrowd", "segmentation")
DAMAGE: tuple[Any, ...] = (float("nan"), float("inf"), -3, "x", None, [], {}, True, 2**70, [[1]])


def results() -> list[dict[str, Any]]:
    """Answers a little beside the people."""
    shift = np.array([[3.0, 1.0]])
    return [
        {
            "image_id": number + 5,
            "category_id": 1,
            "keypoints": np.insert(points + shift, 2, 1, axis=1).ravel().tolist(),
            "score": 0.9 - 0.1 * row,
        }
        for number in range(3)
        for row, points in enumerate(painted.keypoints())
    ]


def retype(value: Any, rng: random.Random) -> Any:
    """The same value in another type."""
    if isinstance(value, list):
        if len(value) == 51 and rng.random() < 0.3:
            return [value[start : start + 3] for start in range(0, 51, 3)]
        return [retype(one, rng) for one in value]
    if isinstance(value, (int, float)):
        return rng.choice([value, str(value), float(value)])
    return value


def shuffle(tree: dict[str, Any], rng: random.Random) -> None:
    for part in ("images", "annotations"):
        rng.shuffle(tree[part])
        tree[part] = [dict(rng.sample(list(entry.items()), len(entry))) for entry in tree[part]]


def read(path: Path) -> truth.Truth | str:
    """The people, or why there are none."""
    try:
        return truth.read(path)
    except ValueError as error:
        return str(error)


def average_precision(found: truth.Truth) -> float:
    """Of the answers, by an evaluation that knows no more than the file."""
    answers = [
        {**one, "image_id": type(next(iter(found.images)))(one["image_id"])} for one in results()
    ]
    return coco.evaluate(found.tree(), answers, sigmas=painted.COCO.sigmas).scores().ap


@pytest.fixture(scope="module")
def undamaged(tmp_path_factory: pytest.TempPathFactory) -> float:
    path = tmp_path_factory.mktemp("plain") / "plain.json"
    path.write_text(json.dumps(painted.tree()))
    return average_precision(truth.read(path))


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 2**32), damages=st.integers(0, 2), retyped=st.booleans())
def test_no_traceback_no_higher_figure_and_one_count(
    tmp_path: Path, undamaged: float, seed: int, damages: int, retyped: bool
) -> None:
    rng = random.Random(seed)
    tree = copy.deepcopy(painted.tree())
    shuffle(tree, rng)
    if retyped:
        for entry in tree["annotations"]:
            field = rng.choice(FIELDS)
            if field in entry:
                entry[field] = retype(entry[field], rng)
    for _ in range(damages):
        entry = rng.choice(tree["annotations"])
        entry[rng.choice([f for f in FIELDS if f != "area"])] = rng.choice(DAMAGE)
    path = tmp_path / "changed.json"
    path.write_text(json.dumps(tree))
    found = read(path)
    if isinstance(found, str):
        assert damages, found
        assert str(path) in found
        with pytest.raises(ValueError, match="changed"):
            check("train", annotations.pose_set(path, [], painted.COCO))
        return
    part = annotations.pose_set(path, [], painted.COCO)
    assert sum(len(sample.keypoints) for sample in part.samples) == found.labels.count()
    figure = average_precision(found)
    assert 0 <= figure <= undamaged + 1e-9
    if not damages:
        assert figure == pytest.approx(undamaged)


@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=40), place=st.floats(0, 1))
def test_damaged_bytes_are_refused_or_read(
    tmp_path_factory: Any, data: bytes, place: float
) -> None:
    whole = json.dumps(painted.tree(1)).encode()
    cut = int(place * len(whole))
    path = tmp_path_factory.getbasetemp() / "bytes.json"
    path.write_bytes(whole[:cut] + data + whole[cut:])
    found = read(path)
    if isinstance(found, str):
        assert str(path) in found
    else:
        assert found.labels.count() <= 2
