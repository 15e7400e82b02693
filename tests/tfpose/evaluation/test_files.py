"""Files of an evaluation, the comparison with another run, and the costliest pictures."""

import dataclasses
import json
from pathlib import Path

import cv2
import pytest

from tests.tfpose import painted_people as painted
from tfpose.data.picture_files import Pictures
from tfpose.evaluation import costliest, evaluate, files
from tfpose.evaluation import text as evaluation_text
from tfpose.evaluation.evaluate import Report, Settings

FEW = Settings(draws=20)


def run(folder: Path, settings: Settings = FEW, **changes: object) -> Report:
    network = painted.network(painted.TOP_DOWN, **changes)
    annotations, images = painted.write(folder, top_down=True)
    return evaluate.evaluate(network, annotations, [images], settings=settings)


def test_written_results_are_coco_s_and_the_summary_says_of_what(tmp_path: Path) -> None:
    report = run(tmp_path)
    files.write(report, tmp_path / "out", note="more")
    assert files.read_results(tmp_path / "out" / "results.json") == list(report.results)
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["figures"]["ap"] == 1
    assert (summary["pictures"], summary["people"], summary["note"]) == (3, 6, "more")
    assert summary["image_ids"] == [5, 6, 7]
    assert summary["settings"]["averaging"] == {"flip": False, "scales": [1.0]}


def test_a_run_compares_with_another(tmp_path: Path) -> None:
    files.write(run(tmp_path, shift=4), tmp_path / "shifted")
    better = run(tmp_path)
    found = files.compare(better, tmp_path / "shifted")
    assert (found.pictures, found.this.ap) == (3, 1)
    assert found.other.ap == pytest.approx(0.4)
    assert found.difference.value == pytest.approx(0.6)
    assert found.difference.low == pytest.approx(0.6)  # every picture gains the same
    assert "AP 1.000 against 0.400 on 3 pictures: +0.600" in evaluation_text.comparison(found)
    itself = files.compare(better, tmp_path / "shifted" / "results.json")
    assert itself == found


def test_only_pictures_of_both_are_compared(tmp_path: Path) -> None:
    files.write(run(tmp_path, dataclasses.replace(FEW, subset=2)), tmp_path / "two")
    assert files.compare(run(tmp_path), tmp_path / "two").pictures == 2


def test_without_a_summary_a_picture_without_results_is_one_without_people(tmp_path: Path) -> None:
    report = run(tmp_path)
    half = [result for result in report.results if result["image_id"] == 5]
    (tmp_path / "half.json").write_text(json.dumps(half))
    found = files.compare(report, tmp_path / "half.json")
    assert found.pictures == 3
    assert found.other.ar == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not JSON"),
        ("{}", "must be a list of results, found a dict"),
        ('[{"image_id": 5, "bbox": [1, 2, 3, 4], "score": 1}]', "needs image_id, keypoints"),
        ('[{"image_id": 99, "keypoints": [], "score": 1}]', "pictures that .* lacks, as 99"),
        ('[{"image_id": 5, "keypoints": [1, 2, 2], "score": 1}]', "has 3 numbers; 17 keypoints"),
    ],
)
def test_bad_results_are_refused(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text(text)
    with pytest.raises(ValueError, match=message):
        files.compare(run(tmp_path), tmp_path / "bad.json")


def test_results_of_pictures_of_the_annotations_but_not_of_this_run(tmp_path: Path) -> None:
    files.write(run(tmp_path, dataclasses.replace(FEW, subset=1)), tmp_path / "a")
    other = run(tmp_path, dataclasses.replace(FEW, subset=1, seed=1))
    if other.image_ids == run(tmp_path, dataclasses.replace(FEW, subset=1)).image_ids:
        pytest.fail("the seeds should draw different pictures")
    with pytest.raises(ValueError, match="is of none of the 1 pictures of this run"):
        files.compare(other, tmp_path / "a")


def test_the_costliest_picture_comes_first(tmp_path: Path) -> None:
    report = run(tmp_path)
    moved = [dict(result) for result in report.results]
    six = [result for result in moved if result["image_id"] == 6]
    six[0]["keypoints"] = [value + 500 for value in six[0]["keypoints"]]
    evaluation = evaluate.coco.evaluate(report.truth.tree(), moved)
    costs = costliest.costs(
        dataclasses.replace(report, results=tuple(moved), evaluation=evaluation)
    )
    assert costs[0] == costliest.PictureCost(
        image_id=6, file="1.png", people=2, missed=1.0, wrong=1
    )
    assert [cost.missed for cost in costs[1:]] == [0, 0]
    assert "1.0 of  2    1  1.png" in evaluation_text.costs(costs)


def test_truth_and_answers_are_drawn_beside_each_other(tmp_path: Path) -> None:
    report = run(tmp_path, blind=True)
    images = Pictures([tmp_path / "images.zip"])
    (path, *_) = costliest.draw_costs(
        report, images, costliest.costs(report)[:1], tmp_path / "worst"
    )
    assert path.name == "001_0.jpg"
    drawn = cv2.imread(str(path)).astype(int)
    assert drawn.shape == (painted.HEIGHT, 2 * painted.WIDTH + 8, 3)
    plain = painted.paint(0, top_down=True).astype(int)
    left, right = drawn[:, : painted.WIDTH], drawn[:, -painted.WIDTH :]
    assert np_largest(left - plain) > 100  # people
    assert np_largest(right - plain) < 20  # nobody; JPEG alone


def np_largest(difference: object) -> int:
    return int(abs(difference).max())  # type: ignore[arg-type]


def test_the_figures_name_what_was_left_out(tmp_path: Path) -> None:
    report = dataclasses.replace(run(tmp_path), unread=("7.jpg: it is damaged",))
    text = evaluation_text.figures(report)
    assert text.startswith("3 pictures, 6 people, 6 answers\n1 pictures could not be read")
    assert "  7.jpg: it is damaged\nap          1.000  [1.000, 1.000]" in text
