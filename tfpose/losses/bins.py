"""The loss on SimCC's bins: a divergence between the softmaxes of answer and label.

Li et al. 2022, arXiv:2107.03332, and RTMPose (Jiang et al. 2023, arXiv:2303.07399, section 3.2), as
mmpose 1.3.2's `KLDiscretLoss` with beta 10 and label_softmax: the Kullback-Leibler divergence from
softmax(beta * answer) to softmax(beta * label), the mean over a row's bins, summed over a person's
keypoints and divided by their number. mmpose sums over a batch where this loss is its mean.
"""

from typing import Any

from keras import ops

Tensor = Any


def picture_errors(
    predicted: Tensor,
    target: Tensor,
    weight: Tensor,
    *,
    beta: float,
    normalisation: str = "mean",
    share: Tensor | float = 1.0,
) -> Tensor:
    """The weighted divergence of every picture.

    Args:
      predicted, target: (B, K, bins); a label is a Gaussian of height 1.
      weight: of the keypoints, broadcasts to (B, K).
      beta: sharpness of both softmaxes.
      normalisation: "mean" divides by the weights' sum, "sum" by K, as mmpose does.
      share: a further factor on the errors, broadcasts likewise; the mean does not divide by it.

    Returns:
      (B,) float32. A picture whose weights are all 0 has 0.
    """
    predicted, target = ops.cast(predicted, "float32"), ops.cast(target, "float32")
    found = ops.log_softmax(beta * predicted, axis=-1)
    wanted = ops.log_softmax(beta * target, axis=-1)
    errors = ops.mean(ops.exp(wanted) * (wanted - found), axis=-1)  # (B, K)
    weight = ops.broadcast_to(ops.cast(weight, "float32"), ops.shape(errors))
    total = ops.sum(errors * weight * share, axis=1)
    if normalisation == "sum":
        return total / errors.shape[1]
    return total / ops.maximum(ops.sum(weight, axis=1), 1.0)
