"""Our small network from random weights, taught by human-pose-estimation-0001 and by labels.

    python -m scripts.train --recipe=tfpose_s --data_dir=DATA --run=runs/tfpose_s \
      --dataset=custom/people --teacher.weights=human_pose_estimation_0001.npz

The teacher's maps are the larger part of the target: on this data a network learned faster from
them than from labels (they know bystanders whom nobody labelled). Crops of 224x224 keep a step
cheap on a CPU; the network runs at any multiple of 16. Not yet run to the end.
"""

from ..distill import TeacherOptions
from ..losses import LossOptions
from ..optimisers import Group, Optimiser
from ..recipe import Recipe
from ..schedule import Schedule

RECIPE = Recipe(
    model="tfpose_s",
    dataset="coco",
    height=224,
    width=224,
    policy="lightweight_openpose",
    batch=16,
    steps=40_000,
    optimiser=Optimiser(kind="adamw", rate=1e-3, decay=0.01),
    groups=(Group(pattern=r"/(bias|beta|gamma)$", decay=0.0),),
    schedule=Schedule(shape="cosine", warmup=500),
    loss=LossOptions(foreground=3.0),
    teacher=TeacherOptions(model="human_pose_estimation_0001", alpha=0.8),
    ema=0.999,
    clip=1.0,
    checkpoint_every=500,
    validate_every=2000,
)
