"""Remedies: what may be changed in a game that fails, so that it goes on. No torch."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any

from sparring.diagnose.advice import About, as_default, in_force
from sparring.errors import InputError

__all__ = ["CURES", "REMEDIES", "Applied", "Remedy", "next_remedy", "remedies_for", "remedy_called", "treated"]

MOST = 3  # remedies in a run
GENTLER = 5.0

Parameters = Mapping[str, Any]


@dataclass(frozen=True)
class Remedy:
    """A change to a game. does: in words. fresh: whether both networks start again, from other weights.

    parameters: the estimator's that change, given all of them and the settings in force (Settings.described).
    The step count goes on in any case.
    """

    name: str
    does: str
    fresh: bool
    parameters: Callable[[Parameters, Parameters], dict[str, Any]]


@dataclass(frozen=True)
class Applied:
    """A remedy that a run has had. step: after which. finding: what it was for, "" if the user asked for it."""

    name: str
    step: int
    finding: str
    parameters: Parameters

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "parameters": dict(self.parameters)}


def _default_game(given: Parameters, settings: Parameters) -> dict[str, Any]:
    return {"recipe": "r3gan", "changes": None, "critic_steps": None, "learning_rate": None, "latent_size": None}


def _lower_rates(given: Parameters, settings: Parameters) -> dict[str, Any]:
    rates = {name: settings[name] / GENTLER for name in ("generator_rate", "critic_rate")}
    return {"changes": {**(given["changes"] or {}), **rates}, "learning_rate": None}


def _nothing(given: Parameters, settings: Parameters) -> dict[str, Any]:
    return {}


REMEDIES: Mapping[str, Remedy] = MappingProxyType(
    {
        remedy.name: remedy
        for remedy in (
            Remedy("default-game", "start again from fresh weights with the recipe r3gan", True, _default_game),
            Remedy("another-seed", "start again from other weights", True, _nothing),
            Remedy("lower-rates", "go on with a fifth of the learning rates", False, _lower_rates),
        )
    }
)
"""By name."""

CURES: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "divergence": ("default-game", "another-seed"),
        "vanishing-gradient": ("default-game", "another-seed"),
        "unstable-gradient": ("default-game", "lower-rates"),
        "mode-collapse": ("default-game", "another-seed"),
    }
)
"""The remedies for a finding, in the order in which they are tried."""


def next_remedy(finding: str, applied: Sequence[Applied], given: Parameters | None = None) -> Remedy | None:
    """What to try next for a finding; None if a run has had all that might help, or three in all.

    given: the estimator's parameters in force. A remedy that would set them to what they are is none.
    """
    had = {entry.name for entry in applied}
    left = [name for name in _changing(CURES.get(finding, ()), given) if name not in had]
    return REMEDIES[left[0]] if left and len(applied) < MOST else None


def remedies_for(finding: str, about: About) -> Sequence[str]:
    """The names of those that would change a run, given what run.json says of it; only a GAN has any."""
    if about.get("kind") != "gan":
        return ()
    return _changing(CURES.get(finding, ()), in_force(about))


def _changing(names: Sequence[str], given: Parameters | None) -> Sequence[str]:
    return [name for name in names if name != "default-game" or given is None or not as_default(given)]


def remedy_called(name: str) -> Remedy:
    """The remedy of a name. Raises InputError, with the known ones, if there is none."""
    if name not in REMEDIES:
        known = "; ".join(f"{remedy.name} ({remedy.does})" for remedy in REMEDIES.values())
        raise InputError(f"no remedy is called {name!r}; there are {known}")
    return REMEDIES[name]


def treated(given: Parameters, applied: Sequence[Applied]) -> dict[str, Any]:
    """An estimator's parameters with all that remedies have changed."""
    made = dict(given)
    for entry in applied:
        made |= entry.parameters
    return made
