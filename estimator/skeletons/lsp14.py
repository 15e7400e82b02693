"""Leeds Sports Pose's 14 joints (Johnson and Everingham 2010, BMVC; 2011, CVPR).

Order as in the README of the set. It is judged by PCP and PCK and defines no OKS sigma: joints
that COCO has too take COCO's, the neck the shoulders' and the head top mpii16's 0.026.
"""

from ..skeleton import Skeleton

SKELETON = Skeleton(
    name="lsp14",
    keypoints=(
        "right_ankle",
        "right_knee",
        "right_hip",
        "left_hip",
        "left_knee",
        "left_ankle",
        "right_wrist",
        "right_elbow",
        "right_shoulder",
        "left_shoulder",
        "left_elbow",
        "left_wrist",
        "neck",
        "head_top",
    ),
    limbs=(
        (0, 1),
        (1, 2),
        (2, 12),
        (5, 4),
        (4, 3),
        (3, 12),
        (6, 7),
        (7, 8),
        (8, 12),
        (11, 10),
        (10, 9),
        (9, 12),
        (12, 13),
    ),
    flip_pairs=((0, 5), (1, 4), (2, 3), (6, 11), (7, 10), (8, 9)),
    sigmas=(
        *(0.089, 0.087, 0.107, 0.107, 0.087, 0.089, 0.062, 0.072, 0.079),
        *(0.079, 0.072, 0.062, 0.079, 0.026),
    ),
    derived={"neck": ("left_shoulder", "right_shoulder")},
)
