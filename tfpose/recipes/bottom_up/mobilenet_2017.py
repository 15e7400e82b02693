"""tf-openpose's MobileNets of 2017: RMSProp, stairs, 368x368; no AP was published.

    tfpose train --recipe=mobilenet_2017 --data_dir=DATA --run=runs/mobilenet_2017

`--model=mobilenet_2017_fast` and `--model=mobilenet_2017_accurate` are the other two of that
README. `mobilenet_thin`, the same network as this one, has 0.2806 AP on val2014 in later
experiments. The loss was the mean over the 6 stages of `tf.nn.l2_loss`, the sum over the batch
halved: hence the weights 10 / 6, batch over stages. L2 regularisation 4e-5 on depthwise and 0.04 on
pointwise kernels. TensorFlow's RMSProp calls `rho` `decay`. It was not reproduced here.
"""

from ...losses.maps import LossOptions
from ...training.recipe import Recipe
from ...training.update.optimisers import Group, Optimiser
from ...training.update.schedule import Schedule

RECIPE = Recipe(
    model="mobilenet_2017",
    dataset="coco",
    height=368,
    width=368,
    policy="tf_openpose_2017",
    examples=121_745,  # of CMU's LMDB
    batch=10,
    epochs=60,
    optimiser=Optimiser(kind="rmsprop_tf1", rate=1e-4, rho=5e-4, momentum=0.9, epsilon=1e-10),
    groups=(
        Group(pattern=r"_depthwise/kernel$", decay=4e-5),
        Group(pattern=r"_pointwise/kernel$", decay=0.04),
    ),
    schedule=Schedule(shape="staircase", factor=0.8, every=50_000),
    loss=LossOptions(normalisation="sum", heatmaps=10 / 6, pafs=10 / 6),
    validate_every=1000,
    checkpoint_every=1000,
)
