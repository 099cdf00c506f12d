"""The judge: how good samples are, every figure beside the same figure for real data."""

import sys
from types import ModuleType
from typing import Any

from sparring.judge.judge import judge
from sparring.judge.verdict import Figure, Verdict

__all__ = ["Figure", "Verdict", "judge"]


class _CallableModule(ModuleType):
    """``sparring.judge`` is this package and the function in it: importing one must not hide the other."""

    def __call__(self, *arguments: Any, **options: Any) -> Verdict:
        return judge(*arguments, **options)


sys.modules[__name__].__class__ = _CallableModule
