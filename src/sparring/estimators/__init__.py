"""The scikit-learn faces."""

from sparring.estimators.adversarial import GAN
from sparring.estimators.saved import load

__all__ = ["GAN", "load"]
