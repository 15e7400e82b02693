"""Our small network, taught by human-pose-estimation-0001's maps and by labels.

    tfpose train --recipe=tfpose_s_taught --data_dir=DATA --run=runs/taught \
      --teacher.weights=human_pose_estimation_0001.npz

As `tfpose_s`, but the teacher's maps are the larger part of the target: they know bystanders whom
nobody labelled, and in a first trial a network learned faster from them than from labels. No
number yet: nobody has run it to the end.
"""

from dataclasses import replace

from ...losses.distillation import TeacherOptions
from .tfpose_s import RECIPE as LABELS_ALONE

RECIPE = replace(
    LABELS_ALONE, teacher=TeacherOptions(model="human_pose_estimation_0001", alpha=0.8)
)
