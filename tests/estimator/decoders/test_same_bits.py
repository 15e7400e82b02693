"""The decoder answers bit for bit what it answered before it was made fast."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from estimator.decoders.paf import limbs
from estimator.poses import Poses
from estimator.spec import PoseSpec
from tfpose.benchmarks import made_maps
from tfpose.benchmarks.stored_maps import SPEC, read

from . import first_paf
from .test_paf import TOY, spec_of

STORED = ["slices/maps/photo_p3", "slices/maps/photo_ski"]
CROWDS = ["maps/crowd10_656x368", "maps/crowd30_1312x736", "maps/crowd60_1312x736"]


def assert_same(found: Poses, wanted: Poses) -> None:
    for name in ("xy", "score", "person_score"):
        part, whole = getattr(found, name), getattr(wanted, name)
        assert part.shape == whole.shape
        assert part.dtype == whole.dtype
        assert part.tobytes() == whole.tobytes(), name


def assert_decodes_as_before(maps: dict[str, np.ndarray], spec: PoseSpec) -> Poses:
    found = spec.decode(maps)
    assert_same(found, first_paf.decode(maps, spec))
    return found


@pytest.mark.parametrize("name", STORED + CROWDS)
def test_a_networks_maps(name: str, golden_file: Callable[[str], Path]) -> None:
    assert len(assert_decodes_as_before(read(golden_file(name)), SPEC)) >= 3


@settings(max_examples=40, deadline=None)
@given(
    people=st.integers(0, 12),
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    noise=st.sampled_from([0, 0.02, 0.2]),
    steps=st.sampled_from([0, 16, 255]),
    seed=st.integers(0, 2**16),
)
def test_made_people_under_noise_and_rounding(
    people: int, height: int, width: int, noise: float, steps: int, seed: int
) -> None:
    """`steps` is the number of values between 0 and 1, as of an int8 network; 0 rounds nothing."""
    rng = np.random.default_rng(seed)
    xy = rng.uniform(-8, 8 * max(height, width), (people, 18, 2)).astype(np.float32)
    if people:
        xy[: people // 2] = made_maps.crowd(
            SPEC.skeleton, people, 8 * height, 8 * width, seed=seed
        )[: people // 2]
    maps = made_maps.render(xy, SPEC.skeleton, SPEC.outputs, height, width)
    for name, part in maps.items():
        part = part + noise * rng.standard_normal(part.shape, np.float32)
        maps[name] = np.asarray(np.round(part * steps) / steps if steps else part, np.float32)
    assert_decodes_as_before(maps, SPEC)


@settings(max_examples=40, deadline=None)
@given(
    decimals=st.integers(0, 4),
    max_peaks=st.sampled_from([1, 3, 256]),
    min_field=st.sampled_from([0, 0.05, 0.5]),
    samples=st.sampled_from([2, 10]),
    block=st.sampled_from([1, 50, 1 << 15]),
    seed=st.integers(0, 2**16),
)
def test_noise_of_any_kind(
    decimals: int, max_peaks: int, min_field: float, samples: int, block: int, seed: int
) -> None:
    """Ties, borders, fields that lead nowhere, too many peaks, and pairs in many parts."""
    rng = np.random.default_rng(seed)
    spec = spec_of(TOY, max_peaks=max_peaks, min_field=min_field, samples=samples)
    height, width = rng.integers(1, 16, 2)
    maps = {
        "heatmaps": rng.uniform(-0.1, 1, (height, width, 6)).round(decimals).astype(np.float32),
        "pafs": rng.uniform(-0.4, 1, (height, width, 10)).round(decimals).astype(np.float32),
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limbs, "BLOCK", block)
        assert_decodes_as_before(maps, spec)


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_broken_cells(value: float) -> None:
    rng = np.random.default_rng(0)
    maps = {
        "heatmaps": rng.uniform(-0.1, 1, (12, 14, 6)).astype(np.float32),
        "pafs": rng.uniform(-0.2, 1, (12, 14, 10)).astype(np.float32),
    }
    for part in maps.values():
        part[rng.integers(0, 12, 9), rng.integers(0, 14, 9), rng.integers(0, 6, 9)] = value
    with np.errstate(invalid="ignore"):
        assert_decodes_as_before(maps, spec_of(TOY))
