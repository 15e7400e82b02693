"""Fast pose distillation on MPII: two mobile hourglasses learn from eight, PCKh@0.5 84.69 to 85.41.

    tfpose train --recipe=fpd --data_dir=DATA --run=runs/fpd \
      --start=runs/hourglass_mobile --teacher.weights=runs/hourglass

Zhang et al. 2019, arXiv:1811.05419; `example/mpii_kd.py` and README of
Fast_Human_Pose_Estimation_Pytorch: alpha 0.5, from the student trained without a teacher
(`--recipe=hourglass --model=hg_s2_b1_mobile`); 85.69 with unlabelled pictures besides. It was
not reproduced here.
"""

from dataclasses import replace

from ...losses.distillation import TeacherOptions
from .hourglass import RECIPE as HOURGLASS

RECIPE = replace(
    HOURGLASS,
    model="hg_s2_b1_mobile",
    teacher=TeacherOptions(model="hg_s8_b1", alpha=0.5),
)
