"""`tfpose.training.update.optimisers` in PyTorch: Muon for the wide kernels, AdamW for the rest.

Kernels of one shape are orthogonalised together, which saves kernel launches on a GPU.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping

import torch
from torch import Tensor

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
STEPS = 5
ADAM = re.compile(
    r"/(bias|beta|gamma)$|^(stem|heatmaps|boxes|(stage\d|fine)\.(heatmaps|pafs))/kernel$"
)
DECAYING = re.compile(r"/kernel$")  # those of AdamW that have weight decay
ADAM_RATE = 1 / 12  # factor on Muon's rate
MOMENTUM, DECAY = 0.95, 0.1
ADAM_DECAY, BETA1, BETA2, EPSILON = 0.01, 0.9, 0.99, 1e-8


class Updater:
    """Applies both rules, with the numbers of the recipe `tfpose_s_cached`.

    Args:
      parameters: by the Keras network's names; kernels are (out, in, kh, kw).
    """

    def __init__(self, parameters: Mapping[str, Tensor]) -> None:
        groups: dict[tuple[int, ...], list[Tensor]] = defaultdict(list)
        self._adam: dict[float, list[Tensor]] = {0.0: [], ADAM_DECAY: []}
        for name, value in parameters.items():
            if ADAM.search(name):
                self._adam[ADAM_DECAY if DECAYING.search(name) else 0.0].append(value)
            else:
                groups[tuple(value.shape)].append(value)
        self._muon = list(groups.values())
        self._velocities = [[torch.zeros_like(one) for one in group] for group in self._muon]
        self._means, self._squares = (
            {decay: [torch.zeros_like(one) for one in part] for decay, part in self._adam.items()}
            for _ in range(2)
        )
        self.count = 0

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def step(self, rate: float) -> None:
        """Updates the parameters from their gradients."""
        self.count += 1
        for group, velocities in zip(self._muon, self._velocities, strict=True):
            gradients = [_gradient(one) for one in group]
            torch._foreach_mul_(velocities, MOMENTUM)
            torch._foreach_add_(velocities, gradients)
            ahead = torch._foreach_add(gradients, velocities, alpha=MOMENTUM)
            change = direction(torch.stack(ahead))
            torch._foreach_mul_(group, 1 - rate * DECAY)
            torch._foreach_add_(group, list(change.unbind()), alpha=-rate)
        for decay, group in self._adam.items():
            self._step_adam(group, decay, rate * ADAM_RATE)

    def _step_adam(self, group: list[Tensor], decay: float, rate: float) -> None:
        gradients = [_gradient(one) for one in group]
        means, squares = self._means[decay], self._squares[decay]
        torch._foreach_lerp_(means, gradients, 1 - BETA1)
        torch._foreach_mul_(squares, BETA2)
        torch._foreach_addcmul_(squares, gradients, gradients, 1 - BETA2)
        roots = torch._foreach_sqrt(squares)
        torch._foreach_div_(roots, (1 - BETA2**self.count) ** 0.5)
        torch._foreach_add_(roots, EPSILON)
        torch._foreach_mul_(group, 1 - rate * decay)
        torch._foreach_addcdiv_(group, means, roots, -rate / (1 - BETA1**self.count))


def direction(gradients: Tensor) -> Tensor:
    """Returns Muon's update for kernels (n, out, in, kh, kw); see `tfpose.training.update.muon`."""
    count, outputs = gradients.shape[:2]
    matrix = gradients.reshape(count, outputs, -1)  # (n, out, inputs)
    inputs = matrix.shape[2]
    matrix = matrix / (matrix.norm(dim=(1, 2), keepdim=True) + 1e-7)
    transposed = inputs < outputs
    gram = matrix.mT @ matrix if transposed else matrix @ matrix.mT
    factor = _polynomials(gram)
    orthogonalised = matrix @ factor if transposed else factor @ matrix
    return orthogonalised.reshape(gradients.shape) * max(1.0, outputs / inputs) ** 0.5


def _polynomials(gram: Tensor) -> Tensor:
    linear, cubic, quintic = COEFFICIENTS
    identity = torch.eye(gram.shape[-1], device=gram.device)
    factor = identity.expand_as(gram)
    for _ in range(STEPS):
        step = linear * identity + cubic * gram + quintic * (gram @ gram)
        factor = factor @ step
        gram = step @ (gram @ step)
    return factor


def _gradient(parameter: Tensor) -> Tensor:
    if parameter.grad is None:
        raise ValueError("a parameter has no gradient: call backward before")
    return parameter.grad
