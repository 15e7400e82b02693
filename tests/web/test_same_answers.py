"""The TypeScript of web/src and the package find the same people, in Node."""

import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from estimator import bundle, pictures, skeletons
from estimator.engines.litert import LiteRtRunner
from estimator.inputs import preprocess
from estimator.layout import BOXES
from estimator.people.smoothing import Smoother
from estimator.people.tracking import Tracker
from estimator.poses import Poses
from estimator.spec import PoseSpec

ROOT = Path(__file__).resolve().parents[2]
WEB = ROOT / "web"
MAPS = (
    *("photo_p3", "photo_ski", "crowd10_656x368"),
    *("crowd30_1312x736", "crowd60_1312x736", "crowd100_1920x1104"),
)
PIXELS = 0.01  # that a keypoint may lie elsewhere
Ask = Callable[..., Any]


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Ask:
    """Asks `web/tests/answer.ts`, built."""
    node = shutil.which("node")
    if not node:
        pytest.skip("needs Node")
    if not (WEB / "node_modules").is_dir():
        pytest.skip("needs the packages of web: npm --prefix web ci")
    folder = tmp_path_factory.mktemp("request")
    built = folder / "tests"
    subprocess.run([node, "build.mjs", f"tests={built}"], cwd=WEB, check=True, timeout=120)

    def answer(request: dict[str, Any]) -> Any:
        path = folder / "request.json"
        path.write_text(json.dumps(request))
        command = [node, str(built / "answer.mjs"), str(path)]
        done = subprocess.run(command, cwd=WEB, check=True, capture_output=True, timeout=120)
        return json.loads(done.stdout)

    return answer


@pytest.fixture(scope="module")
def spec() -> PoseSpec:
    return bundle.read(ROOT / "saved_models" / "tfpose_s" / "model.tflite")


def assert_same(people: list[dict[str, Any]], poses: Poses) -> None:
    """Equal scores in order, and equal people; those of one score may have changed places."""
    scores = [person["score"] for person in people]
    np.testing.assert_allclose(scores, poses.person_score, rtol=0, atol=1e-4)
    left = list(people)
    for expected in poses:
        table = np.concatenate([expected.xy, expected.score[:, None]], axis=1)  # (K, 3)
        same = next((one for one in left if alike(one, expected.person_score, table)), None)
        assert same is not None, f"nobody is {expected} at {expected.box}"
        left.remove(same)


def alike(person: dict[str, Any], score: float, table: npt.NDArray[np.float32]) -> bool:
    """The same keypoints found, within PIXELS; all scores within 1e-4."""
    missing = {"x": np.nan, "y": np.nan, "score": 0.0}
    rows = [one or missing for one in person["keypoints"]]
    found = np.array([[row["x"], row["y"], row["score"]] for row in rows])
    within = [PIXELS, PIXELS, 1e-4]
    close = np.isclose(found, table, rtol=0, atol=within, equal_nan=True).all()
    return bool(close) and abs(person["score"] - score) < 1e-4


@pytest.mark.parametrize("name", MAPS)
def test_the_same_people_are_found_in_golden_maps(
    name: str, shared: Path, ask: Ask, spec: PoseSpec, tmp_path: Path
) -> None:
    with np.load(shared / "golden" / "maps" / f"{name}.npz") as file:
        maps = {kind: file[kind].astype(np.float32) for kind in ("heatmaps", "pafs")}
    files = {}
    for kind, values in maps.items():
        files[kind] = str(tmp_path / kind)
        np.ascontiguousarray(values, "<f4").tofile(files[kind])
    height, width = maps["pafs"].shape[:2]
    request = {"spec": spec.to_json(), "maps": [{"height": height, "width": width, **files}]}
    expected = spec.decode(maps)
    assert len(expected) > 0
    assert_same(ask(request)["decoded"][0], expected)


def test_litert_js_finds_the_people_that_litert_finds(
    ask: Ask, spec: PoseSpec, tmp_path: Path
) -> None:
    """The int8 file at another size than its own; Node's WebAssembly rounds on its own."""
    model = ROOT / "saved_models" / "tfpose_s" / "model.tflite"
    spec = spec.with_height(256)
    pixels, _ = preprocess.letterbox(pictures.read(pictures.SAMPLE), spec.image)
    (tmp_path / "pixels").write_bytes(pixels.tobytes())
    size = {"height": pixels.shape[1], "width": pixels.shape[2]}
    run = {"model": str(model), "pixels": str(tmp_path / "pixels"), "size": size}
    maps = LiteRtRunner(model, spec, threads=1)(pixels)
    expected = spec.decode({name: values[0] for name, values in maps.items()})
    found = ask({"spec": bundle.read(model).to_json(), "run": run})["ran"]
    sure = expected.select(expected.person_score >= 0.2)
    assert len(sure) == len([one for one in found if one["score"] >= 0.2]) > 0
    for person, other in zip(found, sure, strict=False):
        assert person["score"] == pytest.approx(other.person_score, abs=0.03)
        away = [
            np.hypot(one["x"] - x, one["y"] - y)
            for one, (x, y) in zip(person["keypoints"], other.xy, strict=True)
            if one and not np.isnan(x)
        ]
        assert len(away) >= 10
        assert np.median(away) < 0.5  # pixels of the input


def walk(frames: int) -> list[tuple[float, Poses]]:
    """Three people who walk, jitter, lose keypoints and go out of sight, in no fixed order."""
    rng, skeleton = np.random.default_rng(25), skeletons.get("openpose18")
    body = rng.uniform((-40, -100), (40, 100), (18, 2))
    shown = []
    for frame in range(frames):
        here = [who for who in range(3) if not (who == 2 and 20 < frame < 35)]
        rng.shuffle(here)
        starts = np.array([[100 + 9 * frame, 200], [600 - 8 * frame, 210], [320, 220]])
        xy = body + starts[here][:, None] + rng.normal(0, 1.5, (len(here), 18, 2))
        score = rng.uniform(0.2, 1, (len(here), 18)) * (rng.random((len(here), 18)) > 0.1)
        xy[score == 0] = np.nan
        poses = Poses(
            skeleton=skeleton,
            xy=xy.astype(np.float32),
            score=score.astype(np.float32),
            person_score=rng.uniform(0.3, 0.9, len(here)).astype(np.float32),
        )
        shown.append((frame / 25 + 0.004 * float(rng.random()), poses))
    return shown


def as_people(poses: Poses) -> list[dict[str, Any]]:
    return [
        {
            "score": person.person_score,
            "keypoints": [
                {"x": float(x), "y": float(y), "score": float(score)} if score > 0 else None
                for (x, y), score in zip(person.xy, person.score, strict=True)
            ],
        }
        for person in poses
    ]


@pytest.mark.parametrize(("height", "width"), [(256, 352), (160, 96)])
def test_a_model_written_for_another_size_answers_as_one_that_litert_resized(
    ask: Ask, spec: PoseSpec, tmp_path: Path, height: int, width: int
) -> None:
    """LiteRT.js cannot resize; LiteRT can, and both run the same graph."""
    model, out = ROOT / "saved_models" / "tfpose_s" / "model.tflite", tmp_path / "other.tflite"
    resize = {"model": str(model), "to": {"height": height, "width": width}, "out": str(out)}
    ask({"spec": spec.to_json(), "resize": resize})
    fixed = replace(spec, image=replace(spec.image, height=height, width=width))
    picture = np.random.default_rng(5).integers(0, 256, (1, height, width, 3), np.uint8)
    found, expected = (
        LiteRtRunner(path, of, threads=1)(picture) for path, of in ((out, fixed), (model, spec))
    )
    for name, values in expected.items():
        stride = fixed.outputs.boxes if name == BOXES else 8
        assert values.shape[1:3] == (height // stride, width // stride)
        np.testing.assert_array_equal(found[name], values)


def test_people_are_followed_and_smoothed_alike(ask: Ask, spec: PoseSpec) -> None:
    frames = walk(60)
    spec = replace(spec, skeleton=skeletons.get("openpose18"))
    request = {
        "spec": spec.to_json(),
        "frames": [{"time": time, "people": as_people(poses)} for time, poses in frames],
    }
    tracker, smoother = Tracker(), Smoother()
    for (time, poses), people in zip(frames, ask(request)["followed"], strict=True):
        expected = smoother(tracker(poses, time), time)
        assert expected.identity is not None
        assert [person["id"] for person in people] == expected.identity.tolist()
        assert_same(people, expected)
    assert tracker.people == 3
