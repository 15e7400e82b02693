"""BlazePose's 33 landmarks.

Bazarevsky et al. 2020, arXiv:2006.10204. Order and connections are those of MediaPipe's
`pose_landmark.h` and `pose_connections.py`; what it calls mouth_left is left_mouth here, since
sides come first. BlazePose defines no OKS sigma: keypoints that COCO or COCO-WholeBody has take
theirs, corners of an eye the eye's, the mouth the nose's, and hands the wrists' (our choice).
"""

from ..skeleton import Skeleton

_SIDED = (
    *(("eye_inner", 0.025), ("eye", 0.025), ("eye_outer", 0.025)),
    *(("ear", 0.035), ("mouth", 0.026), ("shoulder", 0.079), ("elbow", 0.072), ("wrist", 0.062)),
    *(("pinky", 0.062), ("index", 0.062), ("thumb", 0.062), ("hip", 0.107), ("knee", 0.087)),
    *(("ankle", 0.089), ("heel", 0.092), ("foot_index", 0.068)),
)
_FACE, _BODY = _SIDED[:3], _SIDED[3:]
# The corners of the eyes: all of the left, then all of the right; then left and right in turn.
_NAMES = (
    ("nose", 0.026),
    *((f"{side}_{name}", sigma) for side in ("left", "right") for name, sigma in _FACE),
    *((f"{side}_{name}", sigma) for name, sigma in _BODY for side in ("left", "right")),
)

SKELETON = Skeleton(
    name="blazepose33",
    keypoints=tuple(name for name, _ in _NAMES),
    limbs=(
        *((0, 1), (1, 2), (2, 3), (3, 7), (0, 4), (4, 5), (5, 6), (6, 8), (9, 10)),
        *((11, 12), (11, 13), (13, 15), (15, 17), (15, 19), (15, 21), (17, 19)),
        *((12, 14), (14, 16), (16, 18), (16, 20), (16, 22), (18, 20)),
        *((11, 23), (12, 24), (23, 24), (23, 25), (25, 27), (27, 29), (29, 31), (27, 31)),
        *((24, 26), (26, 28), (28, 30), (30, 32), (28, 32)),
    ),
    flip_pairs=(
        *((1, 4), (2, 5), (3, 6)),
        *((index, index + 1) for index in range(7, 33, 2)),
    ),
    sigmas=tuple(sigma for _, sigma in _NAMES),
)
