"""Our small network, taught by answers that human-pose-estimation-0001 gave once, and by hints.

    python -m scripts.cache_teacher --dataset=custom/people --data_dir=DATA \
      --teacher_weights=human_pose_estimation_0001.npz --hints=initial_stage.trunk.0.0 \
      --origins=people_train.json.zip --weights=lspet=0.75,ccp=2.2,ade20k=8 \
      --out=canvases --canvases=50000 --processes=2
    python -m scripts.train --recipe=tfpose_s_cached --canvases=canvases --run=runs/cached

Windows of 192x192 of canvases of 288x288. No label is read: the teacher's maps are the target, and
what enters its first stage is a hint for what leaves the student's neck. The weights 19 and 38 make
the loss the sum over the channels. Muon moves the wide kernels, AdamW at 0.0015 the rest. bfloat16
pays on CPUs that multiply in it (`avx512_bf16` or `amx_bf16` in /proc/cpuinfo); elsewhere give
--precision=float32. No number yet: nobody has run it to the end.
"""

from ..hints import HintOptions
from ..losses import LossOptions
from ..optimisers import Group, Optimiser
from ..recipe import Recipe
from ..schedule import Schedule

_THIN = r"^(stem|stage\d\.(heatmaps|pafs))/kernel$"  # three colours in, or few maps out

RECIPE = Recipe(
    model="tfpose_s",
    height=192,
    width=192,
    policy="cached",
    batch=32,
    steps=40_000,
    optimiser=Optimiser(kind="muon", rate=0.018, decay=0.1, momentum=0.95, beta2=0.99),
    groups=(
        Group(pattern=r"/(bias|beta|gamma)$", kind="adamw", rate=1 / 12, decay=0.0),
        Group(pattern=_THIN, kind="adamw", rate=1 / 12, decay=0.01),
    ),
    schedule=Schedule(shape="trapezoid", warmup=150, fall=0.5, floor=0.02),
    loss=LossOptions(heatmaps=19.0, pafs=38.0, foreground=3.0),
    hints=HintOptions(layer="stage1.0", weight=0.3),
    ema=0.999,
    precision="mixed_bfloat16",
    checkpoint_every=250,
    validate_every=2000,
)
