"""Lightweight OpenPose, step 1 of 3: from MobileNet weights; about 38% AP on COCO val2017.

    tfpose train --recipe=lightweight_openpose_step1 --data_dir=DATA --run=runs/step1 \
      --start=mobilenet_sgd_68.848.pth.tar --start_layers=model --start_channels=rgb

Osokin 2018, arXiv:1811.12004; `train.py` and README of its code. Expected 0.38 at 420,000 steps of
80 (the README's); it was not reproduced here. On one GPU count days: it is 34 million crops of
368x368 at 9 GMACs forward. The README's iterations over 280 epochs make 120,000 samples an epoch:
its list has a sample for each person, our pipeline draws one person a picture.
"""

from ...losses.maps import LossOptions
from ...training.recipe import Recipe
from ...training.update.optimisers import Group, Optimiser
from ...training.update.schedule import Schedule

RECIPE = Recipe(
    model="lightweight_openpose",
    dataset="coco",
    height=368,
    width=368,
    policy="lightweight_openpose",
    encoder="lightweight_openpose",
    examples=120_000,
    batch=80,
    epochs=280,
    optimiser=Optimiser(kind="adam", rate=4e-5, decay=5e-4),
    groups=(
        Group(pattern=r"^refinement_stages\..*/kernel$", rate=4),
        Group(pattern=r"^refinement_stages\..*/bias$", rate=8, decay=0),
        Group(pattern=r"/(beta|bias)$", rate=2, decay=0),
        Group(pattern=r"/gamma$", decay=0),
        Group(pattern=r"^(model\.[1-9]\d*|cpm\.trunk\.\d)\.0/kernel$", decay=0),  # depthwise
    ),
    schedule=Schedule(shape="milestones", milestones=(100, 200, 260), factor=0.333),
    loss=LossOptions(normalisation="sum"),
    validate_every=5000,
)
