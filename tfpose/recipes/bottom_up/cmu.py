"""OpenPose's first network on VGG-19, as tf-pose-estimation trains it: 0.507 AP on COCO val2014.

    tfpose train --recipe=cmu --data_dir=DATA --run=runs/cmu

Cao et al. 2017, arXiv:1611.08050; tf-pose-estimation, `train.py` and docs (rate 1e-4, batch 10 for
VGG) and `etcs/experiments.md` (0.5067 at one scale, 0.496 on val2017, of Cao's own weights). 160
GMACs a picture: weeks on one GPU. It was not reproduced here.
"""

from ...losses.maps import LossOptions
from ...training.recipe import Recipe
from ...training.update.optimisers import Optimiser
from ...training.update.schedule import Schedule

RECIPE = Recipe(
    model="cmu",
    dataset="coco",
    height=368,
    width=432,
    policy="tf_openpose_2019",
    batch=10,
    epochs=600,
    optimiser=Optimiser(kind="adam", rate=1e-4),
    schedule=Schedule(shape="cosine"),
    loss=LossOptions(normalisation="sum"),
    validate_every=5000,
)
