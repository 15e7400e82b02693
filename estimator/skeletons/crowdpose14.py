"""CrowdPose's 14 keypoints (Li et al. 2019, arXiv:1812.00324).

Order as in its json files' `categories`; their `skeleton` there repeats COCO's and fits no
keypoint of it, so the limbs are ours: the tree that joins neighbours. OKS sigmas are those of
the set's own API (`crowdposetools/cocoeval.py`). `head` is the top of the head.
"""

from ..skeleton import Skeleton

SKELETON = Skeleton(
    name="crowdpose14",
    keypoints=(
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
        "head",
        "neck",
    ),
    limbs=(
        (13, 12),
        (13, 0),
        (0, 2),
        (2, 4),
        (13, 1),
        (1, 3),
        (3, 5),
        (13, 6),
        (6, 8),
        (8, 10),
        (13, 7),
        (7, 9),
        (9, 11),
    ),
    flip_pairs=((0, 1), (2, 3), (4, 5), (6, 7), (8, 9), (10, 11)),
    sigmas=(
        *(0.079, 0.079, 0.072, 0.072, 0.062, 0.062),
        *(0.107, 0.107, 0.087, 0.087, 0.089, 0.089, 0.079, 0.079),
    ),
    derived={"neck": ("left_shoulder", "right_shoulder")},
)
