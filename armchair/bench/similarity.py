"""How alike two pictures are: the structural similarity of Wang et al., 2004."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

DEVIATION_PX, REACH = 1.5, 3.5
"""The paper's Gaussian window, cut after so many deviations."""
C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def structural_similarity(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> float:
    """Return the mean SSIM over the channels of two pictures (height, width, 3) of 0…255."""
    a, b = first.astype(np.float64), second.astype(np.float64)

    def blurred(picture: NDArray[np.float64]) -> NDArray[np.float64]:
        deviations = (DEVIATION_PX, DEVIATION_PX, 0)
        return np.asarray(gaussian_filter(picture, deviations, truncate=REACH))

    mean_a, mean_b = blurred(a), blurred(b)
    var_a, var_b = blurred(a * a) - mean_a**2, blurred(b * b) - mean_b**2
    covariance = blurred(a * b) - mean_a * mean_b
    ratio = (2 * mean_a * mean_b + C1) * (2 * covariance + C2)
    return float((ratio / ((mean_a**2 + mean_b**2 + C1) * (var_a + var_b + C2))).mean())
