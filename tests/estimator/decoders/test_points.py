"""Foreign networks that answer keypoints: MoveNet and BlazePose."""

from dataclasses import replace

import numpy as np
import pytest

from estimator import skeletons
from estimator.decoders import blazepose, movenet
from estimator.inputs.averaging import Averaging
from estimator.layout import ImageSpec, OutputSpec
from estimator.pose_estimator import PoseEstimator
from estimator.spec import PoseSpec

ONE = PoseSpec(
    model="movenet_singlepose",
    skeleton=skeletons.get("coco17"),
    image=ImageSpec(height=192, width=96, multiple=32),
    outputs=OutputSpec(stride=1, background=False, pafs=False),
    decoder=movenet.Parameters(height=192, width=96),
)
SIX = replace(ONE, outputs=replace(ONE.outputs, people=6))
BLAZE = PoseSpec(
    model="blazepose",
    skeleton=skeletons.get("blazepose33"),
    image=ImageSpec(height=256, width=256, multiple=32, fit="crop", scale=1 / 255),
    outputs=OutputSpec(stride=1, background=False, pafs=False),
    decoder=blazepose.Parameters(),
)


def test_one_person_is_y_x_and_score_as_shares_of_the_input() -> None:
    answer = np.zeros((1, 17, 3), np.float32)
    answer[0, :, 2] = 0.5
    answer[0, 0] = (0.25, 0.5, 0.9)
    people = ONE.decode({"people": answer})
    assert people.xy[0, 0].tolist() == [47.5, 47.5]
    assert people.score[0, 0] == pytest.approx(0.9)
    assert len(ONE.decode({"people": np.zeros((1, 17, 3), np.float32)})) == 0


def test_six_people_have_scores_of_their_boxes_and_come_best_first() -> None:
    answer = np.zeros((6, 56), np.float32)
    answer[0, 2:51:3], answer[0, 55] = 0.4, 0.3
    answer[4, 2:51:3], answer[4, 55] = 0.4, 0.8
    answer[4, :2] = (0.5, 0.25)
    people = SIX.decode({"people": answer})
    assert people.person_score.tolist() == pytest.approx([0.8, 0.3])
    assert people.xy[0, 0].tolist() == [23.5, 95.5]


def test_landmarks_are_pixels_and_visibility_is_a_logit() -> None:
    table = np.zeros((39, 5), np.float32)
    table[11] = (100, 60, 5, 2, 0)
    people = BLAZE.decode({"landmarks": table.ravel(), "person": np.array([0.7], np.float32)})
    left_shoulder = BLAZE.skeleton.keypoints.index("left_shoulder")
    assert people.xy[0, left_shoulder].tolist() == [100, 60]
    assert people.score[0, left_shoulder] == pytest.approx(1 / (1 + np.exp(-2)))
    assert people.person_score.tolist() == pytest.approx([0.7])


@pytest.mark.parametrize("spec", [ONE, SIX, BLAZE])
def test_the_spec_leads_back_and_wrong_shapes_are_refused(spec: PoseSpec) -> None:
    assert PoseSpec.from_json(spec.to_json()) == spec
    wrong = {name: np.zeros((2, *shape), np.float32) for name, shape in spec.shapes().items()}
    with pytest.raises(ValueError, match="must have shape"):
        spec.decode(wrong)


def test_keypoints_cannot_be_averaged_over_mirrored_pictures() -> None:
    with pytest.raises(ValueError, match="no maps that could be averaged"):
        PoseEstimator(ONE, runner=lambda image: {}, averaging=Averaging(flip=True))
