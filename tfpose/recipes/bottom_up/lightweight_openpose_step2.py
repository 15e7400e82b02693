"""Lightweight OpenPose, step 2 of 3: step 1's weights, everything else anew; about 39% AP.

    tfpose train --recipe=lightweight_openpose_step2 --data_dir=DATA --run=runs/step2 \
      --start=runs/step1

As step 1; the README's checkpoint is of 280,000 steps. It was not reproduced here.
"""

from .lightweight_openpose_step1 import RECIPE as STEP1

RECIPE = STEP1
