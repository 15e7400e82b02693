"""MPII's 16 joints (Andriluka et al. 2014, CVPR, "2D Human Pose Estimation: New Benchmark").

Order and flip pairs as in the HRNet json files. MPII is judged by PCKh and defines no OKS sigma:
joints that COCO has too take COCO's, the pelvis the hips' and the thorax the shoulders' (our
choice); upper neck and head top take mmpose's 0.026 (`configs/_base_/datasets/mpii.py`).
"""

from ..skeleton import Skeleton

SKELETON = Skeleton(
    name="mpii16",
    keypoints=(
        "right_ankle",
        "right_knee",
        "right_hip",
        "left_hip",
        "left_knee",
        "left_ankle",
        "pelvis",
        "thorax",
        "upper_neck",
        "head_top",
        "right_wrist",
        "right_elbow",
        "right_shoulder",
        "left_shoulder",
        "left_elbow",
        "left_wrist",
    ),
    limbs=(
        (0, 1),
        (1, 2),
        (2, 6),
        (3, 6),
        (3, 4),
        (4, 5),
        (6, 7),
        (7, 8),
        (8, 9),
        (7, 12),
        (12, 11),
        (11, 10),
        (7, 13),
        (13, 14),
        (14, 15),
    ),
    flip_pairs=((0, 5), (1, 4), (2, 3), (10, 15), (11, 14), (12, 13)),
    sigmas=(
        *(0.089, 0.087, 0.107, 0.107, 0.087, 0.089, 0.107, 0.079, 0.026, 0.026),
        *(0.062, 0.072, 0.079, 0.079, 0.072, 0.062),
    ),
    derived={
        "pelvis": ("left_hip", "right_hip"),
        "thorax": ("left_shoulder", "right_shoulder"),
    },
)
