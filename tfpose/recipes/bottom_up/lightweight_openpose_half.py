"""Half-width Lightweight OpenPose with a modern optimiser: AdamW, cosine with warm-up, averages.

    tfpose train --recipe=lightweight_openpose_half --data_dir=DATA --run=runs/half

From random weights on COCO train2017, 224x224. No number yet: nobody has run it to the end.
"""

from ...training.recipe import Recipe
from ...training.update.optimisers import Group, Optimiser
from ...training.update.schedule import Schedule

RECIPE = Recipe(
    model="lightweight_openpose_half",
    dataset="coco",
    height=224,
    width=224,
    policy="lightweight_openpose",
    batch=32,
    steps=200_000,
    optimiser=Optimiser(kind="adamw", rate=1e-3, decay=0.01),
    groups=(Group(pattern=r"/(bias|beta|gamma)$", decay=0.0),),
    schedule=Schedule(shape="cosine", warmup=1000),
    ema=0.999,
    clip=1.0,
)
