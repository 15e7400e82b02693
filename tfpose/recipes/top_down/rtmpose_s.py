"""RTMPose-s, 256x192: 0.716 AP on COCO val2017 with a detector's boxes; `--model` takes the others.

    tfpose train --recipe=rtmpose_s --data_dir=DATA --run=runs/rtmpose_s \
      --start=cspnext-s_udp-aic-coco_210e-256x192-92f5a029_20230130.pth --start_layers=backbone \
      --start_channels=rgb

Jiang et al. 2023, arXiv:2303.07399; mmpose 1.3.2, `configs/body_2d_keypoint/rtmpose/coco`, where
rtmpose_t has 0.682, rtmpose_m 0.746 and rtmpose_l 0.758, the larger two with a decay of 0.05. The
original has 8 GPUs of 256 pictures and a rate of 4e-3 for 1024, so 1e-3 for the 256 here. It
changes hues, covers a part of each picture and calms down in its last 30 epochs; the policy here
does none of these. Other skeletons: `--skeleton=halpe26`. It was not reproduced here;
docs/training.md has a run of 500 steps on drawn people.
"""

from ...losses.maps import LossOptions
from ...training.recipe import Recipe
from ...training.update.optimisers import Group, Optimiser
from ...training.update.schedule import Schedule

RECIPE = Recipe(
    model="rtmpose_s",
    dataset="coco",
    policy="rtmpose",
    examples=149_813,
    batch=256,
    epochs=420,
    optimiser=Optimiser(kind="adamw", rate=1e-3),
    groups=(Group(pattern=r"/(bias|gamma|beta|g|scale)$", decay=0.0),),
    schedule=Schedule(shape="cosine", flat=0.5, floor=0.05, warmup=1000),
    loss=LossOptions(normalisation="sum"),
    ema=0.9998,  # the original's momentum of 0.0002; it has none for rtmpose_t (--ema=0)
)
