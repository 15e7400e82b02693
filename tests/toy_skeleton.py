"""A skeleton small enough to draw: a nose, two hands and two feet."""

from estimator.skeleton import Skeleton

TOY = Skeleton(
    name="toy5",
    keypoints=("nose", "left_hand", "right_hand", "left_foot", "right_foot"),
    limbs=((0, 1), (0, 2), (0, 3), (0, 4)),
    flip_pairs=((1, 2), (3, 4)),
    sigmas=(0.05,) * 5,
)
