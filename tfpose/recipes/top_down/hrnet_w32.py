"""HRNet-W32, 256x192: 0.765 AP on COCO val2017 with annotated boxes, 0.744 with a detector's.

    tfpose train --recipe=hrnet_w32 --data_dir=DATA --run=runs/hrnet_w32 \
      --start=hrnet_w32-36af842e.pth --start_channels=rgb \
      --start_layers=conv1,bn1,conv2,bn2,layer1,transition1,stage2,transition2,stage3,transition3,stage4

Sun et al. 2019, arXiv:1902.09212, and humanpose.pytorch's `experiments/coco/hrnet`. `--model` takes
hrnet_w18_v1 (0.572), hrnet_w18_v2 (0.710) and hrnet_w48. The paper used 4 GPUs of 32 pictures and
about two days. It was not reproduced here.
"""

from ...training.recipe import Recipe
from ...training.update.optimisers import Optimiser
from ...training.update.schedule import Schedule

RECIPE = Recipe(
    model="hrnet_w32",
    dataset="coco",
    policy="hrnet",
    examples=149_813,  # people with keypoints in train2017
    batch=32,
    epochs=210,
    optimiser=Optimiser(kind="adam", rate=1e-3),
    schedule=Schedule(shape="milestones", milestones=(170, 200)),
)
