"""Lightweight OpenPose, step 3 of 3: with 3 refinement stages; about 40% AP (38.6 on 250 pictures).

    tfpose train --recipe=lightweight_openpose_step3 --data_dir=DATA --run=runs/step3 \
      --start=runs/step2

The two new stages start at random; the README's checkpoint is of 370,000 steps, and drops them
afterwards: start `lightweight_openpose` from this run to have the one that ships. It was
not reproduced here.
"""

from dataclasses import replace

from .lightweight_openpose_step1 import RECIPE as STEP1

RECIPE = replace(STEP1, model="lightweight_openpose_3stage", start_layers=("*",))
