"""Our small network, trained on from its shipped weights: the recipe for your own pictures.

    tfpose train --recipe=finetune --dataset=custom/mine --data_dir=DATA --run=runs/mine

With `--skeleton=mine.json` for keypoints of your own; those that share a name with the shipped
network's begin as it knows them. 160 stick figures with five keypoints of their own, with the
policy lightweight_openpose: AP .961 after 50 steps, .976 after 200, four minutes of processor time.
docs/training.md, "Fine-tuning", has what else was measured, and what was not. The policy finetune
keeps people as large as evaluation shows them.
"""

from ...losses.maps import LossOptions
from ...training.recipe import Recipe
from ...training.update.optimisers import Group, Optimiser
from ...training.update.schedule import Schedule

RECIPE = Recipe(
    model="tfpose_s",
    dataset="coco",
    height=224,
    width=224,
    policy="finetune",
    batch=8,
    steps=400,
    optimiser=Optimiser(kind="adamw", rate=1e-3, decay=0.01),
    groups=(Group(pattern=r"/bias$", decay=0.0),),
    schedule=Schedule(shape="cosine", warmup=20),
    loss=LossOptions(foreground=3.0),
    frozen_norms=True,
    ema=0.98,
    clip=1.0,
    log_every=20,
    image_every=200,
    checkpoint_every=100,
    validate_every=200,
)
