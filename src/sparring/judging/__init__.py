"""The judge: how good samples are, every figure beside the same figure for real data."""

from sparring.judging.answers import Answers, Mistake, judge_answers
from sparring.judging.frechet import frechet_distance
from sparring.judging.judge import judge
from sparring.judging.ssim import ssim
from sparring.judging.translations import TranslationVerdict, judge_translations
from sparring.judging.verdict import ColumnFigures, Figure, PairFigure, Verdict

__all__ = [
    "Answers",
    "ColumnFigures",
    "Figure",
    "Mistake",
    "PairFigure",
    "TranslationVerdict",
    "Verdict",
    "frechet_distance",
    "judge",
    "judge_answers",
    "judge_translations",
    "ssim",
]
