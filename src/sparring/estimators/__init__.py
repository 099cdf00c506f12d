"""The scikit-learn faces."""

from sparring.estimators.adversarial import GAN
from sparring.estimators.classifier import Classifier
from sparring.estimators.regressor import Regressor
from sparring.estimators.saved import load

__all__ = ["GAN", "Classifier", "Regressor", "load"]
