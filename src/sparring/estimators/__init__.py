"""The scikit-learn faces."""

from sparring.estimators.adversarial import GAN
from sparring.estimators.classifier import Classifier
from sparring.estimators.cycle import CycleGAN
from sparring.estimators.regressor import Regressor
from sparring.estimators.saved import load
from sparring.estimators.sequence_answers import SequenceClassifier, SequenceRegressor
from sparring.estimators.sequence_generator import SequenceGenerator
from sparring.estimators.sequence_tagger import SequenceTagger
from sparring.estimators.sequence_translator import SequenceTranslator

__all__ = [
    "GAN",
    "Classifier",
    "CycleGAN",
    "Regressor",
    "SequenceClassifier",
    "SequenceGenerator",
    "SequenceRegressor",
    "SequenceTagger",
    "SequenceTranslator",
    "load",
]
