from dataclasses import replace

import pytest

from estimator import bundle, skeletons
from estimator.decoders import boxes, heatmap
from estimator.layout import ImageSpec, OutputSpec
from estimator.pose_estimator import DEFAULT, model_path
from estimator.second_look.options import Options
from estimator.spec import PoseSpec
from tests.estimator.conftest import COLOURS


@pytest.mark.parametrize(
    ("mode", "model", "fit", "skeleton", "looks"),
    [
        ("off", "tfpose_s", "letterbox", "openpose18", False),
        ("auto", "tfpose_s", "letterbox", "openpose18", True),
        ("auto", "tfpose_s", "letterbox", "toy5", False),
        ("auto", "cmu", "letterbox", "openpose18", False),
        ("always", "cmu", "letterbox", "openpose18", True),
        ("always", "hrnet_w32", "crop", "coco17", False),
    ],
)
def test_auto_is_for_our_own_network_and_always_for_every_bottom_up_one(
    mode: str, model: str, fit: str, skeleton: str, looks: bool
) -> None:
    keypoints = skeletons.get(skeleton) if skeleton != "toy5" else replace(COLOURS, name="toy5")
    first = PoseSpec(
        model=model,
        skeleton=keypoints,
        image=ImageSpec(height=64, width=64, fit=fit),
        outputs=OutputSpec(pafs=False),
        decoder=heatmap.Parameters(),
    )
    assert Options(mode=mode).applies_to(first) is looks
    if fit == "letterbox" and mode != "off":
        assert Options(mode=mode, model="mine.tflite").applies_to(first)


def test_a_network_that_reads_boxes_itself_has_no_reader() -> None:
    person = bundle.read(model_path("tfpose_person"))
    with pytest.raises(ValueError, match=r"mine.tflite cannot read the people of tfpose_person"):
        Options(model="mine.tflite").applies_to(person)


def test_a_detectors_people_are_always_looked_at() -> None:
    """It gives boxes and no keypoints, whatever its name; the decoder says which boxes count."""
    detector = PoseSpec(
        model="mine",
        skeleton=COLOURS,
        image=ImageSpec(height=64, width=64, multiple=16),
        outputs=OutputSpec(stride=16, background=False, pafs=False, boxes=16),
        decoder=boxes.Parameters(min_box=0.3),
    )
    assert Options(mode="auto").applies_to(detector)
    assert Options(mode="always").applies_to(detector)
    assert Options(box=0.6).least_box(detector) == pytest.approx(0.3)
    with pytest.raises(ValueError, match="mine gives people's boxes and no keypoints"):
        Options(mode="off").applies_to(detector)


@pytest.mark.parametrize(
    ("first", "chosen", "reader"),
    [
        ("tfpose_detector", "", "tfpose_person"),
        ("tfpose_s", "", "tfpose_person"),
        ("tfpose_detector_nano", "", "tfpose_person_nano"),
        ("tfpose_detector_nano", "mine.tflite", "mine.tflite"),
    ],
)
def test_a_small_network_reads_the_people_of_a_small_detector(
    first: str, chosen: str, reader: str
) -> None:
    spec = bundle.read(model_path("tfpose_detector"))
    assert Options(model=chosen).reader_of(replace(spec, model=first)) == reader


def test_the_default_network_is_one_of_those_that_auto_is_for() -> None:
    assert Options().mode == "auto"
    assert Options().applies_to(bundle.read(model_path(DEFAULT)))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mode": "on"}, "second_look must be one of auto, off, always, found 'on'"),
        ({"mode": "off", "model": "mine.tflite"}, "mine.tflite cannot read people while"),
        ({"people": 0}, "people must be at least 1, found 0"),
        ({"widen": 0.0}, "widen must be positive, found 0"),
        ({"limit": 1.5}, "limit must be above 0 and at most 1, found 1.5"),
        ({"box": 0.0}, "box must be above 0 and at most 1, found 0.0"),
    ],
)
def test_wrong_options_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Options(**changes)  # type: ignore[arg-type]
