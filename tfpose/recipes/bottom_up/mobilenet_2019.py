"""tf-pose-estimation's MobileNets of 2019: Adam, one cosine, 432x368; v2 large 0.313 AP.

    tfpose train --recipe=mobilenet_2019 --data_dir=DATA --run=runs/mobilenet_2019

`train.py` at its last commit; on COCO val2014 `etcs/experiments.md` has 0.3130 for
mobilenet_v2_large, 0.1730 for `--model=mobilenet_v2_small`, 0.2806 for `--model=mobilenet_thin`, on
4 GPUs. L2 regularisation 4e-5 on depthwise and 0.004 on pointwise kernels. It was not reproduced
here.
"""

from ...losses.maps import LossOptions
from ...training.recipe import Recipe
from ...training.update.optimisers import Group, Optimiser
from ...training.update.schedule import Schedule

RECIPE = Recipe(
    model="mobilenet_v2_large",
    dataset="coco",
    height=368,
    width=432,
    policy="tf_openpose_2019",
    examples=121_745,
    batch=64,
    epochs=600,
    optimiser=Optimiser(kind="adam", rate=1e-3),
    groups=(
        Group(pattern=r"[_.]depthwise/kernel$", decay=4e-5),
        Group(pattern=r"_pointwise/kernel$", decay=0.004),
    ),
    schedule=Schedule(shape="cosine"),
    loss=LossOptions(normalisation="sum"),
    validate_every=5000,
)
