import contextlib
import io
import json
from dataclasses import astuple
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from tfpose.evaluation.metrics import coco

PERSON = np.array([[10 * (k % 4) + 20, 12 * (k // 4) + 20, 2] for k in range(17)])


def truth_of(people: dict[int, list[np.ndarray]], pictures: int) -> dict[str, Any]:
    """COCO's annotations: a list of (17, 3) people for each picture."""
    annotations = []
    for image_id, keypoints in people.items():
        for one in keypoints:
            size = np.ptp(one[:, :2], axis=0)
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image_id,
                    "category_id": 1,
                    "keypoints": one.ravel().tolist(),
                    "num_keypoints": int((one[:, 2] > 0).sum()),
                    "area": float(size.prod()) * 4,
                    "bbox": [*one[:, :2].min(axis=0).tolist(), *size.tolist()],
                    "iscrowd": 0,
                }
            )
    return {
        "images": [{"id": index, "height": 480, "width": 640} for index in range(pictures)],
        "annotations": annotations,
        "categories": [{"id": 1, "name": "person"}],
    }


def result(image_id: int, keypoints: np.ndarray, score: float) -> dict[str, Any]:
    return {
        "image_id": image_id,
        "category_id": 1,
        "keypoints": keypoints.ravel().tolist(),
        "score": score,
    }


def noisy(seed: int, pictures: int = 12) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """People of two sizes, and results of which some miss, some are wrong."""
    rng = np.random.default_rng(seed)
    people: dict[int, list[np.ndarray]] = {}
    results = []
    for image_id in range(pictures):
        for _ in range(rng.integers(0, 4)):
            one = PERSON * (*(rng.choice([0.8, 3]),) * 2, 1) + (*rng.integers(0, 300, 2), 0)
            one = one.astype(int) * (rng.random((17, 1)) < 0.9)
            people.setdefault(image_id, []).append(one)
            if rng.random() < 0.8:
                error = rng.normal(0, rng.choice([1, 6]), (17, 3)) * (1, 1, 0)
                results.append(result(image_id, one + error, rng.random()))
        if rng.random() < 0.3:
            results.append(result(image_id, np.add(PERSON, (200, 100, 0)), rng.random()))
    return truth_of(people, pictures), results


def by_pycocotools(truth: dict[str, Any], results: list[dict[str, Any]]) -> list[float]:
    with contextlib.redirect_stdout(io.StringIO()):
        known = COCO()
        known.dataset = json.loads(json.dumps(truth))
        known.createIndex()
        judge = COCOeval(known, known.loadRes(json.loads(json.dumps(results))), "keypoints")
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    return judge.stats[:6].tolist()


def test_no_results_score_zero() -> None:
    truth, _ = noisy(0)
    scores = coco.evaluate(truth, []).scores()
    assert (scores.ap, scores.ar) == (0, 0)


def test_no_people_score_minus_one_as_in_pycocotools() -> None:
    truth = truth_of({}, 2)
    assert astuple(coco.evaluate(truth, [result(0, PERSON, 1)]).scores()) == (-1,) * 6


def test_the_truth_itself_scores_one() -> None:
    truth = truth_of({0: [PERSON], 1: [PERSON]}, 3)
    scores = coco.evaluate(truth, [result(0, PERSON, 0.5), result(1, PERSON, 0.4)]).scores()
    assert (scores.ap, scores.ar) == pytest.approx((1, 1))


@pytest.mark.parametrize("seed", range(5))
def test_figures_are_those_of_pycocotools(seed: int) -> None:
    truth, results = noisy(seed)
    scores = coco.evaluate(truth, results).scores()
    assert 0 < scores.ap < 1
    assert list(astuple(scores)) == pytest.approx(by_pycocotools(truth, results), abs=1e-12)


def test_truth_may_be_a_file_and_nothing_is_changed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    truth, results = noisy(1)
    before = json.dumps([truth, results])
    file = tmp_path / "truth.json"
    file.write_text(json.dumps(truth))
    assert coco.evaluate(file, results).scores() == coco.evaluate(truth, results).scores()
    assert json.dumps([truth, results]) == before
    assert capsys.readouterr().out == ""


def test_a_picture_of_weight_two_counts_as_two_pictures() -> None:
    truth, results = noisy(2, pictures=4)
    twice = json.loads(json.dumps(truth))
    twice["images"] += [image | {"id": image["id"] + 4} for image in truth["images"]]
    for part in (twice["annotations"], doubled := json.loads(json.dumps(results))):
        part += [entry | {"image_id": entry["image_id"] + 4} for entry in part]
    for index, annotation in enumerate(twice["annotations"]):
        annotation["id"] = index + 1
    weight = np.array([2, 0, 1, 2])
    once = np.array([1, 0, 1, 1, 1, 0, 0, 1])
    assert astuple(coco.evaluate(truth, results).scores(weight)) == pytest.approx(
        astuple(coco.evaluate(twice, doubled).scores(once))
    )


def test_some_pictures_alone_can_be_evaluated() -> None:
    truth, results = noisy(3)
    some = coco.evaluate(truth, results, image_ids=[1, 2, 3, 4])
    weight = np.isin(np.arange(12), [1, 2, 3, 4]).astype(int)
    assert some.scores() == coco.evaluate(truth, results).scores(weight)


def test_equal_results_do_not_differ() -> None:
    evaluation = coco.evaluate(*noisy(4))
    found = coco.compare(evaluation, evaluation, draws=20)
    assert (found.value, found.low, found.high, found.share_above) == (0, 0, 0, 0)


def test_better_results_are_above_in_every_draw() -> None:
    truth, results = noisy(4)
    perfect = [
        result(one["image_id"], np.array(one["keypoints"]), 0.9) for one in truth["annotations"]
    ]
    first, second = coco.evaluate(truth, results), coco.evaluate(truth, perfect)
    found = coco.compare(first, second, draws=200, seed=1)
    assert found == coco.compare(first, second, draws=200, seed=1)
    assert found.value == pytest.approx(1 - first.scores().ap)
    assert 0 < found.low < found.value < found.high
    assert found.share_above == 1


def test_comparison_needs_the_same_pictures_and_a_known_figure() -> None:
    truth, results = noisy(0)
    whole, part = coco.evaluate(truth, results), coco.evaluate(truth, results, image_ids=[1, 2])
    with pytest.raises(ValueError, match="needs the same pictures, found 12 and 2"):
        coco.compare(whole, part)
    with pytest.raises(ValueError, match="no figure 'AP'; there are ap, ap50"):
        coco.compare(whole, whole, figure="AP")


@pytest.mark.parametrize(
    ("results", "message"),
    [
        ([result(77, PERSON, 1)], r"pictures that the truth lacks: \[77\]"),
        ([result(0, PERSON[:16], 1)], "has 48 numbers; 17 keypoints .* need 51"),
    ],
)
def test_wrong_results_are_refused(results: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        coco.evaluate(truth_of({0: [PERSON]}, 2), results)


def test_missing_truth_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.json"):
        coco.evaluate(tmp_path / "none.json", [])
