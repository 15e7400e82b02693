"""Our small network on labels, for large sets; `finetune` is the recipe for one's own few pictures.

    tfpose train --recipe=tfpose_s --data_dir=DATA --run=runs/tfpose_s

On COCO train2017, or with `--dataset=custom/NAME --skeleton=mine.json` on your own. It begins with
the shipped weights; `--start=none` for random ones. Crops of 224x224 keep a step cheap on a CPU;
the network runs at any multiple of 32. No number yet: nobody has run it to the end.
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
    policy="lightweight_openpose",
    batch=16,
    steps=40_000,
    optimiser=Optimiser(kind="adamw", rate=1e-3, decay=0.01),
    groups=(Group(pattern=r"/(bias|beta|gamma)$", decay=0.0),),
    schedule=Schedule(shape="cosine", warmup=500),
    loss=LossOptions(foreground=3.0),
    ema=0.999,
    clip=1.0,
    checkpoint_every=500,
    validate_every=2000,
)
