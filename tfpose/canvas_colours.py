"""What changes a canvas's colours and no place in it. Pictures are (H, W, 3) uint8, RGB."""

import cv2
import numpy as np

from estimator.arrays import UInt8

Random = np.random.Generator


def recoloured(image: UInt8, random: Random) -> UInt8:
    """Other contrast and brightness, and each colour's own factor."""
    value = (image.astype(np.float32) - 128) * random.uniform(0.75, 1.3) + 128
    value = (value + random.uniform(-25, 25)) * random.uniform(0.92, 1.08, 3)
    return np.clip(value, 0, 255).astype(np.uint8)


def sharpened(image: UInt8, random: Random) -> UInt8:
    """Unsharp mask."""
    soft = cv2.GaussianBlur(image, (0, 0), random.uniform(0.8, 2.0))
    much = random.uniform(0.4, 1.5)
    return np.asarray(cv2.addWeighted(image, 1 + much, soft, -much, 0))


def grainy(image: UInt8, random: Random) -> UInt8:
    """Noise of a normal distribution, the same in all colours or different, half and half."""
    deviation = random.uniform(2.0, 10.0)
    channels = 3 if random.random() < 0.5 else 1
    noise = random.standard_normal((*image.shape[:2], channels), np.float32) * deviation
    return np.clip(np.rint(image + noise), 0, 255).astype(np.uint8)


def grey(image: UInt8) -> UInt8:
    """Brightness alone, in three channels."""
    return np.asarray(cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB))
