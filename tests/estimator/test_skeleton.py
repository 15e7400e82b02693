from dataclasses import replace

import numpy as np
import pytest

from estimator import skeletons
from estimator.skeleton import Skeleton, mapping
from estimator.skeletons import coco_wholebody133

TOY = Skeleton(
    name="toy",
    keypoints=("top", "left_hand", "right_hand"),
    limbs=((0, 1), (0, 2), (1, 2)),
    redundant_limbs=(2,),
    flip_pairs=((1, 2),),
    sigmas=(0.1, 0.1, 0.1),
)


@pytest.mark.parametrize("name", skeletons.names())
def test_module_name_is_skeleton_name_and_sides_flip(name: str) -> None:
    skeleton = skeletons.get(name)
    assert skeleton.name == name
    for place, taken in enumerate(skeleton.flip_order):
        name = skeleton.keypoints[taken]
        if not name.startswith("face_"):  # numbered: its sides are in the flip pairs alone
            mirrored = name.replace("left_", "RIGHT_").replace("right_", "left_")
            assert mirrored.replace("RIGHT_", "right_") == skeleton.keypoints[place]


@pytest.mark.parametrize("name", skeletons.names())
def test_drawn_limbs_form_no_loop_beyond_those_of_coco(name: str) -> None:
    skeleton = skeletons.get(name)
    assert len(skeleton.drawn_limbs) == len(skeleton.limbs) - len(skeleton.redundant_limbs)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"keypoints": ()}, "at least one keypoint"),
        ({"keypoints": ("top", "top", "right_hand")}, "repeats a keypoint"),
        ({"sigmas": (0.1, 0.1)}, "3 positive sigmas"),
        ({"limbs": ((0, 3),)}, "different keypoints of 0..2"),
        ({"limbs": ((0, 1), (1, 0))}, "joins two keypoints twice"),
        ({"flip_pairs": ((1, 2), (2, 0))}, "do not lead back"),
        ({"redundant_limbs": (3,)}, "indices into 3 limbs"),
        ({"derived": {"neck": ("top",)}}, "must be a keypoint"),
        ({"derived": {"top": ("nose",)}}, "not all other keypoints"),
    ],
)
def test_invalid_skeleton_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(TOY, **change)


def test_unknown_skeleton_names_the_known() -> None:
    with pytest.raises(ValueError, match=", ".join(skeletons.names())):
        skeletons.get("coco18")


def test_neck_is_the_mean_of_the_shoulders() -> None:
    weights = mapping(skeletons.get("coco17"), skeletons.get("openpose18"))
    neck = weights[skeletons.get("openpose18").keypoints.index("neck")]
    assert np.flatnonzero(neck).tolist() == [5, 6]
    assert neck[5] == neck[6] == 0.5


def test_coco_to_openpose_and_back_is_identity() -> None:
    coco, openpose = skeletons.get("coco17"), skeletons.get("openpose18")
    assert np.array_equal(mapping(openpose, coco) @ mapping(coco, openpose), np.eye(17))


def test_openpose_to_coco_is_the_order_of_lightweight_openpose() -> None:
    order = [0, -1, 6, 8, 10, 5, 7, 9, 12, 14, 16, 11, 13, 15, 2, 1, 4, 3]  # its to_coco_map
    weights = mapping(skeletons.get("openpose18"), skeletons.get("coco17"))
    for openpose, coco in enumerate(order):
        assert coco == -1 or weights[coco, openpose] == 1


def test_what_a_skeleton_cannot_give_is_absent() -> None:
    weights = mapping(skeletons.get("mpii16"), skeletons.get("coco17"))
    assert not weights[0].any()  # MPII has no nose


@pytest.mark.parametrize("name", ["halpe26", "coco_wholebody133"])
def test_coco_is_the_beginning_of_what_extends_it(name: str) -> None:
    coco, longer = skeletons.get("coco17"), skeletons.get(name)
    assert longer.keypoints[:17] == coco.keypoints
    assert longer.sigmas[:17] == coco.sigmas
    assert np.array_equal(mapping(longer, coco), np.eye(17, len(longer.keypoints)))


def test_body25_has_openpose18_and_the_feet_of_the_whole_body() -> None:
    body, whole = skeletons.get("body25"), skeletons.get("coco_wholebody133")
    openpose = skeletons.get("openpose18")
    assert mapping(body, openpose).sum(axis=1).tolist() == [1] * 18
    assert mapping(openpose, body).sum(axis=1).tolist() == [1] * 19 + [0] * 6
    assert mapping(whole, body).sum(axis=1).tolist() == [1] * 25
    assert body.keypoints[19:] == whole.keypoints[17:23]


def test_halpes_feet_are_body25s() -> None:
    halpe, body = skeletons.get("halpe26"), skeletons.get("body25")
    assert mapping(halpe, body).sum(axis=1).tolist() == [1] * 25
    assert {name for name in halpe.keypoints if name not in body.keypoints} == {"head", "hip"}


def test_the_parts_of_a_whole_body_hold_each_keypoint_once() -> None:
    ends = list(coco_wholebody133.PARTS.values())
    assert ends == [(0, 17), (17, 23), (23, 91), (91, 112), (112, 133)]
    names = skeletons.get("coco_wholebody133").keypoints
    assert (names[23], names[91], names[112]) == ("face_0", "left_hand_root", "right_hand_root")
    assert (names[95], names[132]) == ("left_thumb4", "right_pinky_finger4")
