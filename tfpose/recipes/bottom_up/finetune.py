"""Our small network, trained on from its shipped weights: the recipe for your own pictures.

    tfpose train --recipe=finetune --dataset=custom/mine --data_dir=DATA --run=runs/mine

With `--skeleton=mine.json` for keypoints of your own; those that share a name with the shipped
network's begin as it knows them. Measured (docs/training.md, "Fine-tuning"): people in a new style,
300 pictures, AP .209 to .515; 30 pictures, .209 to .500; stick figures with five keypoints of their
own, 1.000. A few pictures of a kind that the network knows gain nothing at any rate. The policy
finetune keeps people as large as evaluation shows them.
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
    optimiser=Optimiser(kind="adamw", rate=3e-4, decay=0.01),
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
