"""Changes of a canvas's colours, which move nothing. Pictures are (H, W, 3) uint8, RGB."""

import cv2
import numpy as np

from estimator.arrays import UInt8

Random = np.random.Generator


def recoloured(image: UInt8, random: Random) -> UInt8:
    """Changes contrast, brightness, and each channel by a factor of its own."""
    value = (image.astype(np.float32) - 128) * random.uniform(0.75, 1.3) + 128
    value = (value + random.uniform(-25, 25)) * random.uniform(0.92, 1.08, 3)
    return np.clip(value, 0, 255).astype(np.uint8)


def sharpened(image: UInt8, random: Random) -> UInt8:
    """Sharpens by an unsharp mask."""
    soft = cv2.GaussianBlur(image, (0, 0), random.uniform(0.8, 2.0))
    much = random.uniform(0.4, 1.5)
    return np.asarray(cv2.addWeighted(image, 1 + much, soft, -much, 0))


def grainy(image: UInt8, random: Random) -> UInt8:
    """Adds normal noise; half of the time the same to all channels."""
    deviation = random.uniform(2.0, 10.0)
    channels = 3 if random.random() < 0.5 else 1
    noise = random.standard_normal((*image.shape[:2], channels), np.float32) * deviation
    return np.clip(np.rint(image + noise), 0, 255).astype(np.uint8)


def grey(image: UInt8) -> UInt8:
    """Removes the colours; three channels stay."""
    return np.asarray(cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB))
