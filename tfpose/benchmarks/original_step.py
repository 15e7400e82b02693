"""Training steps of Lightweight OpenPose's own PyTorch code, from a user's checkout of it.

Its network, its loss and Adam with weight decay as its `train.py` has them (Osokin 2018,
arXiv:1811.12004; Daniil-Osokin/lightweight-human-pose-estimation.pytorch). One rate serves all
layers here: PyTorch's Adam moves one parameter after the other, so groups cost nothing.
"""

import copy
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

NETWORK = Path("models", "with_mobilenet.py")  # by which a checkout is known
RATE, DECAY = 4e-5, 5e-4  # of its train.py
CENTRE, SPREAD = 128.0, 256.0  # of its data set: the network reads (BGR - 128) / 256
# By name: whether tensors are channels_last, and whether autocast computes in bfloat16.
SIDES = {
    "eager": (False, False),
    "channels_last": (True, False),
    "eager, bfloat16": (False, True),
    "channels_last, bfloat16": (True, True),
}


def sides(
    checkout: Path, batch: Path, weights: Path, *, threads: int, bfloat16: bool
) -> Mapping[str, Callable[[], float]]:
    """Steps by name, each with a network of its own; a step returns its loss.

    Args:
      checkout: of the original.
      batch: a .npz of `image` (B, H, W, 3) uint8 RGB, `heatmaps`, `pafs` and `mask` (B, h, w).
      weights: the file to write the weights into from which all begin.
      threads: of PyTorch.
      bfloat16: whether the steps with autocast are wanted.
    """
    import torch

    sys.path.insert(0, str(checkout))
    from models.with_mobilenet import (  # type: ignore[import-not-found]
        PoseEstimationWithMobileNet,
    )

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    network = PoseEstimationWithMobileNet()
    torch.save(network.state_dict(), weights)
    arrays = dict(np.load(batch))
    return {
        name: _step(copy.deepcopy(network), arrays, last=last, half=half)
        for name, (last, half) in SIDES.items()
        if bfloat16 or not half
    }


def _step(
    network: Any, arrays: Mapping[str, np.ndarray], *, last: bool, half: bool
) -> Callable[[], float]:
    """The function of one network's step."""
    import torch
    from modules.loss import l2_loss  # type: ignore[import-not-found]

    layout = torch.channels_last if last else torch.contiguous_format
    network = network.train().to(memory_format=layout)
    optimiser = torch.optim.Adam(network.parameters(), lr=RATE, weight_decay=DECAY)

    def tensor(array: np.ndarray) -> Any:
        moved = np.ascontiguousarray(np.moveaxis(array, -1, 1), np.float32)
        return torch.from_numpy(moved).to(memory_format=layout)

    image = tensor((arrays["image"][..., ::-1].astype(np.float32) - CENTRE) / SPREAD)
    count = len(image)
    targets = []
    for head in ("heatmaps", "pafs"):
        mask = np.broadcast_to(arrays["mask"][..., None], arrays[head].shape)
        targets.append((tensor(arrays[head]), tensor(mask)))

    def step() -> float:
        optimiser.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            outputs = network(image)
        losses = [
            l2_loss(output, *targets[index % len(targets)], count)
            for index, output in enumerate(outputs)  # heatmaps and fields, stage by stage
        ]
        loss = torch.stack(losses).sum()
        loss.backward()
        optimiser.step()
        return float(loss.item())

    return step
