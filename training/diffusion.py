"""Forward diffusion noise of visual contrastive decoding (VCD, arXiv 2311.16922), on normalised pixels."""

import numpy as np
import torch

T = 1000
_BETA = 1 / (1 + np.exp(-np.linspace(-6, 6, T))) * (0.5e-2 - 1e-5) + 1e-5
ALPHA_BAR = np.cumprod(1 - _BETA)


def add_noise(pixels: torch.Tensor, step: int, generator: torch.Generator) -> torch.Tensor:
    """x_t = sqrt(abar_t) x_0 + sqrt(1 - abar_t) eps; pixels (..., 3, H, W) normalised; step in 0..999."""
    eps = torch.randn(pixels.shape, generator=generator)
    return float(np.sqrt(ALPHA_BAR[step])) * pixels + float(np.sqrt(1 - ALPHA_BAR[step])) * eps
