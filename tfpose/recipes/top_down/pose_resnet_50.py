"""Simple Baselines on ResNet-50, 256x192: 0.704 AP on COCO val2017 with a detector's boxes.

    tfpose train --recipe=pose_resnet_50 --data_dir=DATA --run=runs/pose_resnet_50 \
      --start=resnet50-19c8e357.pth --start_layers=conv1,bn1,layer1,layer2,layer3,layer4 \
      --start_channels=rgb

Xiao et al. 2018, arXiv:1804.06208, section 4; the paper used 4 GPUs of 32 pictures. It rotates by
40 degrees and scales by 0.3 where the policy here, HRNet's, has 45, 0.35 and half bodies. It was
not reproduced here.
"""

from ...training.recipe import Recipe
from ...training.update.optimisers import Optimiser
from ...training.update.schedule import Schedule

RECIPE = Recipe(
    model="pose_resnet_50",
    dataset="coco",
    policy="hrnet",
    examples=149_813,
    batch=128,
    epochs=140,
    optimiser=Optimiser(kind="adam", rate=1e-3),
    schedule=Schedule(shape="milestones", milestones=(90, 120)),
)
