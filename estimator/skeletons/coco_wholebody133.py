"""COCO-WholeBody's 133 keypoints: COCO's 17, 6 of the feet, 68 of the face, 21 of each hand.

Jin et al. 2020, arXiv:2007.11858; jin-s13/COCO-WholeBody. Order, limbs, flips and OKS sigmas are
those of mmpose 1.3.2, `configs/_base_/datasets/coco_wholebody.py`; a face's keypoints are called
face_0 to face_67 in the order of the 300-W landmarks (there with a "-"). A finger runs from 1, at
the palm, to 4, its tip. The face has no limbs.
"""

from ..skeleton import Skeleton

BODY = (
    "nose",
    "left_eye",
    "right_eye",
    "left_ear",
    "right_ear",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
    "left_hip",
    "right_hip",
    "left_knee",
    "right_knee",
    "left_ankle",
    "right_ankle",
)
FEET = (
    "left_big_toe",
    "left_small_toe",
    "left_heel",
    "right_big_toe",
    "right_small_toe",
    "right_heel",
)
FACE = tuple(f"face_{index}" for index in range(68))
FINGERS = ("thumb", "forefinger", "middle_finger", "ring_finger", "pinky_finger")
HAND = ("hand_root", *(f"{finger}{joint}" for finger in FINGERS for joint in (1, 2, 3, 4)))
# The parts that COCO-WholeBody's metric has figures of, as ranges of keypoints (first, end).
PARTS = {
    "body": (0, 17),
    "foot": (17, 23),
    "face": (23, 91),
    "left_hand": (91, 112),
    "right_hand": (112, 133),
}
BODY_LIMBS = (
    (15, 13),
    (13, 11),
    (16, 14),
    (14, 12),
    (11, 12),
    (5, 11),
    (6, 12),
    (5, 6),
    (5, 7),
    (6, 8),
    (7, 9),
    (8, 10),
    (1, 2),
    (0, 1),
    (0, 2),
    (1, 3),
    (2, 4),
    (3, 5),
    (4, 6),
    (15, 17),
    (15, 18),
    (15, 19),
    (16, 20),
    (16, 21),
    (16, 22),
)
BODY_FLIPS = (
    *((1, 2), (3, 4), (5, 6), (7, 8), (9, 10), (11, 12)),
    *((13, 14), (15, 16), (17, 20), (18, 21), (19, 22)),
)
FACE_FLIPS = (
    *((23, 39), (24, 38), (25, 37), (26, 36), (27, 35), (28, 34)),
    *((29, 33), (30, 32), (40, 49), (41, 48), (42, 47), (43, 46)),
    *((44, 45), (54, 58), (55, 57), (59, 68), (60, 67), (61, 66)),
    *((62, 65), (63, 70), (64, 69), (71, 77), (72, 76), (73, 75)),
    *((78, 82), (79, 81), (83, 87), (84, 86), (88, 90)),
)


def _fingers(root: int) -> list[tuple[int, int]]:
    """The limbs of a hand whose root has that index: along each finger, from the root."""
    limbs = []
    for finger in range(len(FINGERS)):
        first = root + 1 + 4 * finger
        limbs.append((root, first))
        limbs += [(joint, joint + 1) for joint in range(first, first + 3)]
    return limbs


SKELETON = Skeleton(
    name="coco_wholebody133",
    keypoints=(
        *BODY,
        *FEET,
        *FACE,
        *(f"left_{joint}" for joint in HAND),
        *(f"right_{joint}" for joint in HAND),
    ),
    limbs=(*BODY_LIMBS, *_fingers(91), *_fingers(112)),
    flip_pairs=(*BODY_FLIPS, *FACE_FLIPS, *((91 + index, 112 + index) for index in range(21))),
    sigmas=(
        *(0.026, 0.025, 0.025, 0.035, 0.035, 0.079, 0.079, 0.072, 0.072, 0.062),
        *(0.062, 0.107, 0.107, 0.087, 0.087, 0.089, 0.089, 0.068, 0.066, 0.066),
        *(0.092, 0.094, 0.094, 0.042, 0.043, 0.044, 0.043, 0.040, 0.035, 0.031),
        *(0.025, 0.020, 0.023, 0.029, 0.032, 0.037, 0.038, 0.043, 0.041, 0.045),
        *(0.013, 0.012, 0.011, 0.011, 0.012, 0.012, 0.011, 0.011, 0.013, 0.015),
        *(0.009, 0.007, 0.007, 0.007, 0.012, 0.009, 0.008, 0.016, 0.010, 0.017),
        *(0.011, 0.009, 0.011, 0.009, 0.007, 0.013, 0.008, 0.011, 0.012, 0.010),
        *(0.034, 0.008, 0.008, 0.009, 0.008, 0.008, 0.007, 0.010, 0.008, 0.009),
        *(0.009, 0.009, 0.007, 0.007, 0.008, 0.011, 0.008, 0.008, 0.008, 0.010),
        *(0.008, 0.029, 0.022, 0.035, 0.037, 0.047, 0.026, 0.025, 0.024, 0.035),
        *(0.018, 0.024, 0.022, 0.026, 0.017, 0.021, 0.021, 0.032, 0.020, 0.019),
        *(0.022, 0.031, 0.029, 0.022, 0.035, 0.037, 0.047, 0.026, 0.025, 0.024),
        *(0.035, 0.018, 0.024, 0.022, 0.026, 0.017, 0.021, 0.021, 0.032, 0.020),
        *(0.019, 0.022, 0.031),
    ),
)
