"""The diagnosis names the error that was put into perfect answers."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from tests.tfpose import painted_people as painted
from tfpose.evaluation import diagnosis, evaluate, text
from tfpose.evaluation.evaluate import Report, Settings

Change = Callable[[np.ndarray], np.ndarray]


@pytest.fixture(scope="module")
def perfect(tmp_path_factory: pytest.TempPathFactory) -> Report:
    annotations, images = painted.write(tmp_path_factory.mktemp("painted"), top_down=True)
    network = painted.network(painted.TOP_DOWN)
    return evaluate.evaluate(network, annotations, [images], settings=Settings(draws=0))


def changed(report: Report, change: Change) -> Report:
    """The report with every answer's keypoints (K, 3) changed."""
    results = [
        {**result, "keypoints": change(np.reshape(result["keypoints"], (-1, 3))).ravel().tolist()}
        for result in report.results
    ]
    return replace(report, results=tuple(results))


def test_perfect_answers_have_no_error(perfect: Report) -> None:
    found = diagnosis.diagnose(perfect)
    people = sum(len(perfect.truth.people(image_id)) for image_id in perfect.image_ids)
    assert sum(group.people for group in found.groups) == people
    assert sum(group.found for group in found.groups) == people
    assert found.inverted == 0 < found.paired
    assert found.displacement == pytest.approx((0, 0), abs=0.6)


def test_a_common_displacement_is_seen(perfect: Report) -> None:
    before = diagnosis.diagnose(perfect).displacement
    found = diagnosis.diagnose(changed(perfect, lambda one: one + np.array([0.5, -1.5, 0])))
    assert before is not None
    assert found.displacement == pytest.approx((before[0] + 0.5, before[1] - 1.5), abs=0.05)


def test_exchanged_sides_are_seen(perfect: Report) -> None:
    order = list(perfect.truth.skeleton.flip_order)
    found = diagnosis.diagnose(changed(perfect, lambda one: one[order]))
    assert found.inverted == found.paired == diagnosis.diagnose(perfect).paired


def test_nobody_is_found_where_nothing_is_answered(perfect: Report) -> None:
    found = diagnosis.diagnose(replace(perfect, results=()))
    assert [group.found for group in found.groups] == [0, 0, 0]
    assert (found.paired, found.keypoints, found.displacement) == (0, 0, None)
    assert text.diagnosis(found).count("\n") == 0


def test_people_are_grouped_by_their_labelled_keypoints(perfect: Report) -> None:
    counts = [
        int((person.keypoints[:, 2] > 0).sum())
        for image_id in perfect.image_ids
        for person in perfect.truth.people(image_id)
    ]
    groups = diagnosis.diagnose(perfect).groups
    assert [group.people for group in groups] == [
        sum(first <= count <= (last or 99) for count in counts) for first, last in diagnosis.GROUPS
    ]
