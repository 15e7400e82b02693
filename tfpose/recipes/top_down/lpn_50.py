"""LPN-50, 256x192, from random weights: 0.684 AP on COCO val2017 with annotated boxes.

    tfpose train --recipe=lpn_50 --data_dir=DATA --run=runs/lpn_50

Zhang et al. 2019, arXiv:1911.10346; `experiments/coco/lpn` of humanpose.pytorch. `--model` takes
the other LPNs (lpn_100 has 0.721). Iterative training: a second run with `--start=runs/lpn_50`, and
so on; lpn_18 went from 0.486 to 0.520 in seven. It was not reproduced here.
"""

from ...training.recipe import Recipe
from ...training.update.optimisers import Optimiser
from ...training.update.schedule import Schedule

RECIPE = Recipe(
    model="lpn_50",
    dataset="coco",
    policy="hrnet",
    examples=149_813,
    batch=32,
    epochs=150,
    optimiser=Optimiser(kind="adam", rate=1e-3),
    schedule=Schedule(shape="milestones", milestones=(90, 120)),
)
