"""OpenPose's 18 keypoints: COCO's 17 and a neck (Cao et al. 2017, arXiv:1611.08050).

Keypoint order and the order of the part affinity fields are those that Lightweight OpenPose
trains on (`datasets/coco.py`, BODY_PARTS_KPT_IDS); tf-pose-estimation's are the same. The two
limbs from shoulder to ear close a loop. The neck has no OKS sigma of its own: the shoulders'.
"""

from ..skeleton import Skeleton

SKELETON = Skeleton(
    name="openpose18",
    keypoints=(
        "nose",
        "neck",
        "right_shoulder",
        "right_elbow",
        "right_wrist",
        "left_shoulder",
        "left_elbow",
        "left_wrist",
        "right_hip",
        "right_knee",
        "right_ankle",
        "left_hip",
        "left_knee",
        "left_ankle",
        "right_eye",
        "left_eye",
        "right_ear",
        "left_ear",
    ),
    limbs=(
        (1, 8),
        (8, 9),
        (9, 10),
        (1, 11),
        (11, 12),
        (12, 13),
        (1, 2),
        (2, 3),
        (3, 4),
        (2, 16),
        (1, 5),
        (5, 6),
        (6, 7),
        (5, 17),
        (1, 0),
        (0, 14),
        (0, 15),
        (14, 16),
        (15, 17),
    ),
    redundant_limbs=(9, 13),
    flip_pairs=((2, 5), (3, 6), (4, 7), (8, 11), (9, 12), (10, 13), (14, 15), (16, 17)),
    sigmas=(
        *(0.026, 0.079, 0.079, 0.072, 0.062, 0.079, 0.072, 0.062),
        *(0.107, 0.087, 0.089, 0.107, 0.087, 0.089, 0.025, 0.025, 0.035, 0.035),
    ),
    derived={"neck": ("left_shoulder", "right_shoulder")},
)
