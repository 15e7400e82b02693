"""OpenPose's BODY_25: openpose18 with the middle of the hips and six keypoints of the feet.

Cao et al. 2019, arXiv:1812.08008. Order and limbs are those that OpenPose writes and draws
(`include/openpose/pose/poseParametersRender.hpp`, POSE_BODY_25_PAIRS_RENDER_GPU; doc/02_output.md).
OpenPose defines no OKS sigma: COCO-WholeBody's for the 23 that it has; the neck takes the
shoulders', the middle of the hips the hips' (our choice).
"""

from ..skeleton import Skeleton

SKELETON = Skeleton(
    name="body25",
    keypoints=(
        "nose",
        "neck",
        "right_shoulder",
        "right_elbow",
        "right_wrist",
        "left_shoulder",
        "left_elbow",
        "left_wrist",
        "mid_hip",
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
        "left_big_toe",
        "left_small_toe",
        "left_heel",
        "right_big_toe",
        "right_small_toe",
        "right_heel",
    ),
    limbs=(
        (1, 8),
        (1, 2),
        (1, 5),
        (2, 3),
        (3, 4),
        (5, 6),
        (6, 7),
        (8, 9),
        (9, 10),
        (10, 11),
        (8, 12),
        (12, 13),
        (13, 14),
        (1, 0),
        (0, 15),
        (15, 17),
        (0, 16),
        (16, 18),
        (14, 19),
        (19, 20),
        (14, 21),
        (11, 22),
        (22, 23),
        (11, 24),
    ),
    flip_pairs=(
        *((2, 5), (3, 6), (4, 7), (9, 12), (10, 13), (11, 14)),
        *((15, 16), (17, 18), (19, 22), (20, 23), (21, 24)),
    ),
    sigmas=(
        *(0.026, 0.079, 0.079, 0.072, 0.062, 0.079, 0.072, 0.062, 0.107, 0.107),
        *(0.087, 0.089, 0.107, 0.087, 0.089, 0.025, 0.025, 0.035, 0.035, 0.068),
        *(0.066, 0.066, 0.092, 0.094, 0.094),
    ),
    derived={
        "neck": ("left_shoulder", "right_shoulder"),
        "mid_hip": ("left_hip", "right_hip"),
    },
)
