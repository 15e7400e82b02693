"""Our own small top-down network, on a COCO-like set's human labels, from tfpose_s's weights.

    tfpose train --recipe=tfpose_person --data_dir=DATA --run=runs/person \
      --start=saved_models/tfpose_s/model.keras --start_layers='*'

This is the plain way, with labels alone; on one GPU it should take some hours. It was not run. What
ships learnt from other networks' maps: `tfpose cache-people` and `tfpose distil-people`
(docs/training.md, "A second look").
"""

from ...training.recipe import Recipe
from ...training.update.optimisers import Group, Optimiser
from ...training.update.schedule import Schedule

RECIPE = Recipe(
    model="tfpose_person",
    dataset="coco",
    policy="hrnet",
    examples=149_813,
    batch=64,
    epochs=60,
    optimiser=Optimiser(kind="muon", rate=0.01, decay=0.1, momentum=0.95, beta2=0.99),
    groups=(
        Group(pattern=r"/(bias|beta|gamma)$", kind="adamw", rate=1 / 12, decay=0.0),
        Group(pattern=r"^(stem|heatmaps)/kernel$", kind="adamw", rate=1 / 12, decay=0.01),
    ),
    schedule=Schedule(shape="trapezoid", warmup=500, fall=0.8, floor=0.02),
    ema=0.999,
)
