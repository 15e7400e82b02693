"""The flags that override a recipe's fields, as a table: to know them needs no TensorFlow.

A test holds the table equal to `tfpose.training.recipe.settings()`.
"""

from typing import Any

from absl import flags

TEXT, WHOLE, NUMBER, SWITCH, LIST = str, int, float, bool, tuple
FIELDS: dict[str, tuple[type, str]] = {
    "model": (TEXT, "The network: a name that `tfpose zoo` lists."),
    "dataset": (TEXT, "Prepared set: coco, custom/NAME."),
    "data_dir": (TEXT, "The folder that was --out of `tfpose prepare-dataset`."),
    "split": (TEXT, "Which part of the data set."),
    "canvases": (TEXT, "Cache of `tfpose cache-teacher` to train on instead of a data set."),
    "unlabelled": (TEXT, "Prepared set that is read without its labels, for the teacher alone."),
    "unlabelled_share": (NUMBER, "Share of a batch's pictures that come from --unlabelled."),
    "skeleton": (TEXT, "Keypoints: a skeleton's name, or a .json of one's own."),
    "height": (WHOLE, "Height of the training pictures; 0 takes the model's own."),
    "width": (WHOLE, "Width of the training pictures; 0 takes the model's own."),
    "policy": (TEXT, "Augmentation policy (docs/augmentation.md)."),
    "encoder": (TEXT, 'Encoder of the targets; "none" draws them in the step\'s graph.'),
    "shuffle": (WHOLE, "Shuffle-buffer size, in samples."),
    "cache": (SWITCH, "Keep the encoded records in memory after the first epoch."),
    "examples": (WHOLE, "Samples per epoch; 0 counts the data set's pictures."),
    "batch": (WHOLE, "Pictures per step, over all replicas."),
    "steps": (WHOLE, "Steps of the whole run; takes --epochs away."),
    "epochs": (NUMBER, "Epochs over the data set; takes --steps away."),
    "optimiser.kind": (TEXT, "Update rule: adam, adamw, rmsprop, rmsprop_tf1, sgd or muon."),
    "optimiser.rate": (NUMBER, "Learning rate at its highest."),
    "optimiser.decay": (NUMBER, "Weight decay."),
    "optimiser.momentum": (NUMBER, "Momentum of sgd, rmsprop and muon."),
    "optimiser.beta1": (NUMBER, "Adam's decay of the gradient's mean."),
    "optimiser.beta2": (NUMBER, "Adam's decay of the squared gradient's mean."),
    "optimiser.rho": (NUMBER, "RMSprop's decay of the squared gradient's mean."),
    "optimiser.epsilon": (NUMBER, "Constant that keeps the update rule from dividing by 0."),
    "schedule.shape": (TEXT, "constant, milestones, staircase, cosine or trapezoid."),
    "schedule.milestones": (LIST, "Epochs at which the rate falls, such as 90,120."),
    "schedule.factor": (NUMBER, "Factor by which the rate falls."),
    "schedule.every": (WHOLE, "Length of a stair, in steps."),
    "schedule.floor": (NUMBER, "Lowest rate, as a share of the highest."),
    "schedule.fall": (NUMBER, "Share of the run over which a trapezoid falls."),
    "schedule.flat": (NUMBER, "Share of the run before the cosine falls."),
    "schedule.warmup": (WHOLE, "Steps over which the rate rises."),
    "loss.normalisation": (TEXT, "mean or sum of the squared errors."),
    "loss.heatmaps": (NUMBER, "Weight of the heatmaps' error."),
    "loss.pafs": (NUMBER, "Weight of the part affinity fields' error."),
    "loss.simcc": (NUMBER, "Weight of the divergence of SimCC's bins."),
    "loss.beta": (NUMBER, "Sharpness of SimCC's softmaxes."),
    "loss.foreground": (NUMBER, "Extra weight of cells in proportion to their target."),
    "loss.stages": (LIST, "Weights of the stages' errors."),
    "teacher.model": (TEXT, "Teacher: one of our models, a run, .keras, SavedModel or .tflite."),
    "teacher.weights": (TEXT, "Weights of a teacher that is one of our models."),
    "teacher.alpha": (NUMBER, "Share of the loss that the teacher has; the labels have the rest."),
    "teacher.scale": (NUMBER, "Factor by which the teacher's pictures are larger."),
    "hints.layer": (TEXT, "Layer of the student whose features match the cache's hints."),
    "hints.weight": (NUMBER, "Weight of the hints' error."),
    "start": (
        TEXT,
        "Weights to begin with: a checkpoint, a run's folder or a .keras. If not given, the "
        "shipped network's where there is one; none for random weights.",
    ),
    "start_layers": (LIST, "Take only layers under these names from --start; * takes what fits."),
    "start_channels": (TEXT, "rgb or bgr: what the network in --start reads."),
    "frozen_norms": (SWITCH, "Keep the batch norms as they start; for small batches."),
    "ema": (NUMBER, "Decay of the weights' moving average; 0 for none."),
    "precision": (TEXT, "float32, mixed_bfloat16 or mixed_float16."),
    "accumulate": (WHOLE, "Parts in which each replica computes its slice, to need less memory."),
    "clip": (NUMBER, "Largest norm of the gradient; 0 for no limit."),
    "sync_batch_norm": (SWITCH, "Share batch statistics among replicas."),
    "seed": (WHOLE, "Seed of the weights, the order of the data and the augmentation."),
    "deterministic": (SWITCH, "Give the same bits on the same machine and thread count."),
    "data_service": (TEXT, "Address of a dispatcher of `tfpose data-worker`."),
    "log_every": (WHOLE, "Steps between two lines of the log."),
    "image_every": (WHOLE, "Steps between two pictures in TensorBoard; 0 for never."),
    "checkpoint_every": (WHOLE, "Steps between two checkpoints; 0 for never."),
    "validate_every": (WHOLE, "Steps between two validations; 0 for never."),
    "keep": (WHOLE, "Checkpoints kept, besides the best."),
}
DEFINE: dict[type, Any] = {
    str: flags.DEFINE_string,
    int: flags.DEFINE_integer,
    float: flags.DEFINE_float,
    bool: flags.DEFINE_boolean,
    tuple: flags.DEFINE_string,
}


def define(values: flags.FlagValues) -> dict[str, "flags.FlagHolder[Any]"]:
    """Defines a flag for every field; None where the recipe's own value holds.

    Returns:
      Field to flag.
    """
    return {
        name: DEFINE[kind](name, None, text, flag_values=values)
        for name, (kind, text) in FIELDS.items()
    }
