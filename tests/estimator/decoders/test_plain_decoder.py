"""The decoder to be copied finds what the decoder that runs finds."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from estimator.layout import OutputSpec
from estimator.poses import Poses
from estimator.spec import PoseSpec
from scripts import plain_decoder
from tfpose.benchmarks import made_maps
from tfpose.benchmarks.stored_maps import SPEC, read

from .test_paf import STANDING, TOY, spec_of


def plain(outputs: dict[str, np.ndarray], spec: PoseSpec) -> list[plain_decoder.Person]:
    tree = json.loads(spec.to_json())
    return plain_decoder.decode(outputs["heatmaps"].tolist(), outputs["pafs"].tolist(), tree)


def assert_alike(found: list[plain_decoder.Person], wanted: Poses) -> None:
    np.testing.assert_allclose([person.score for person in found], wanted.person_score, atol=1e-5)
    for person, xy, score in zip(found, wanted.xy, wanted.score, strict=True):
        table = np.full((len(xy), 3), np.nan)
        for keypoint, values in person.keypoints.items():
            table[keypoint] = values
        np.testing.assert_allclose(table[:, :2], xy, atol=1e-3)
        np.testing.assert_allclose(np.nan_to_num(table[:, 2]), score, atol=1e-5)


def test_nobody_is_nobody() -> None:
    maps = made_maps.render(np.zeros((0, 5, 2), np.float32), TOY, OutputSpec(), 6, 8)
    assert plain(maps, spec_of(TOY)) == []


@pytest.mark.parametrize("apart", [(90, 0), (30, 10), (12, 5)])
def test_two_people_near_and_far(apart: tuple[int, int]) -> None:
    people = np.stack([STANDING, STANDING + np.array(apart, np.float32)])
    maps = made_maps.render(people, TOY, OutputSpec(), 20, 30)
    wanted = spec_of(TOY).decode(maps)
    assert len(wanted) > 0
    assert_alike(plain(maps, spec_of(TOY)), wanted)


@pytest.mark.parametrize("seed", range(3))
def test_noise(seed: int) -> None:
    """Weak peaks, borders, ties, and fields that lead nowhere."""
    rng = np.random.default_rng(seed)
    spec = spec_of(TOY)
    maps = {
        "heatmaps": np.round(rng.uniform(-0.1, 1, (9, 12, 6)), 1).astype(np.float32),
        "pafs": rng.uniform(-0.2, 1, (9, 12, 10)).astype(np.float32),
    }
    wanted = spec.decode(maps)
    assert len(wanted) > 1
    assert_alike(plain(maps, spec), wanted)


@pytest.mark.parametrize(
    "name", ["slices/maps/photo_p3", "slices/maps/photo_ski", "maps/crowd10_656x368"]
)
def test_a_networks_maps(name: str, golden_file: Callable[[str], Path]) -> None:
    maps = read(golden_file(name))
    wanted = SPEC.decode(maps)
    assert len(wanted) >= 3
    assert_alike(plain(maps, SPEC), wanted)
