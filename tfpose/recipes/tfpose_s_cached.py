"""Our small network, taught by answers that human-pose-estimation-0001 gave once, and by hints.

    python -m scripts.cache_teacher --dataset=custom/people --data_dir=DATA \
      --teacher_weights=human_pose_estimation_0001.npz --hints=initial_stage.trunk.0.0 \
      --origins=people_train.json.zip --weights=lspet=0.75,ccp=2.2,ade20k=8 \
      --out=canvases --canvases=50000 --processes=2
    python -m scripts.train --recipe=tfpose_s_cached --canvases=canvases --run=runs/cached

Windows of 192x192 of canvases of 288x288. No label is read: the teacher's maps are the target, and
what enters its first stage is a hint for what leaves the student's neck. The weights 19 and 38 make
the loss the sum over the channels, as the rate was found for. No number yet: nobody has run it to
the end.
"""

from ..hints import HintOptions
from ..losses import LossOptions
from ..optimisers import Group, Optimiser
from ..recipe import Recipe
from ..schedule import Schedule

RECIPE = Recipe(
    model="tfpose_s",
    height=192,
    width=192,
    policy="cached",
    batch=32,
    steps=40_000,
    optimiser=Optimiser(kind="adamw", rate=2e-3, decay=0.01, beta2=0.99),
    groups=(Group(pattern=r"/(bias|beta|gamma)$", decay=0.0),),
    schedule=Schedule(shape="cosine", warmup=300),
    loss=LossOptions(heatmaps=19.0, pafs=38.0, foreground=3.0),
    hints=HintOptions(layer="stage1.0", weight=0.3),
    ema=0.999,
    clip=5.0,
    checkpoint_every=250,
    validate_every=2000,
)
