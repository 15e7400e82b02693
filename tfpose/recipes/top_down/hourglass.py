"""Eight stacked hourglasses on MPII, FPD's teacher: mean PCKh@0.5 of 88.33 on the validation part.

    tfpose train --recipe=hourglass --data_dir=DATA --run=runs/hourglass

Newell et al. 2016, arXiv:1603.06937, as Fast_Human_Pose_Estimation_Pytorch trains it
(`example/mpii.py` and README); `--model=hg_s2_b1_mobile` has 84.69. The original cuts its rate
after 60 and 90 of its 90 epochs. It was not reproduced here.
"""

from ...losses.maps import LossOptions
from ...training.recipe import Recipe
from ...training.update.optimisers import Optimiser
from ...training.update.schedule import Schedule

RECIPE = Recipe(
    model="hg_s8_b1",
    dataset="mpii",
    policy="fpd_hourglass",
    examples=22_246,
    batch=6,
    epochs=90,
    optimiser=Optimiser(kind="rmsprop", rate=2.5e-4),
    schedule=Schedule(shape="milestones", milestones=(60, 90)),
    loss=LossOptions(normalisation="mean"),
)
