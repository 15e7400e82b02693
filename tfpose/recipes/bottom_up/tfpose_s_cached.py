"""Our small network, taught by answers that human-pose-estimation-0001 gave once.

    tfpose cache-teacher --dataset=custom/people --data_dir=DATA \
      --teacher_weights=human_pose_estimation_0001.npz --origins=people_train.json.zip \
      --weights=lspet=0.75,ccp=2.2,ade20k=8 --person=60,600 --out=canvases --canvases=50000 \
      --processes=2
    tfpose train --recipe=tfpose_s_cached --canvases=canvases --run=runs/cached

Windows of 256x256 of canvases of 288x288, from random weights. No label is read: the teacher's maps
are the target. The weights count three times the 19 heatmaps and once the 38 fields, whose squares
are three times as large: with the teacher's heatmaps the first edition's AP was 0.21 instead of
0.13, with its fields 0.14. Muon moves the wide kernels, AdamW at 0.0015 the rest. bfloat16 pays on
CPUs that multiply in it (`avx512_bf16` or `amx_bf16` in /proc/cpuinfo); elsewhere give
--precision=float32. docs/lab/default_network.md says what was run and compared, the card how the
network that ships was trained.
"""

from ...losses.maps import LossOptions
from ...training.recipe import Recipe
from ...training.update.optimisers import Group, Optimiser
from ...training.update.schedule import Schedule

_THIN = r"^(stem|stage\d\.(heatmaps|pafs))/kernel$"  # three colours in, or few maps out

RECIPE = Recipe(
    model="tfpose_s",
    start="none",
    height=256,
    width=256,
    policy="cached",
    batch=20,
    steps=20_000,
    optimiser=Optimiser(kind="muon", rate=0.018, decay=0.1, momentum=0.95, beta2=0.99),
    groups=(
        Group(pattern=r"/(bias|beta|gamma)$", kind="adamw", rate=1 / 12, decay=0.0),
        Group(pattern=_THIN, kind="adamw", rate=1 / 12, decay=0.01),
    ),
    schedule=Schedule(shape="trapezoid", warmup=150, fall=0.8, floor=0.02),
    loss=LossOptions(heatmaps=57.0, pafs=38.0, foreground=3.0),
    ema=0.999,
    precision="mixed_bfloat16",
    checkpoint_every=250,
    validate_every=2000,
)
