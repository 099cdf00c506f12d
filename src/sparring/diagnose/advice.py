"""What helps against a failure, and whether it is still to be done in a run: what is on is never advised. No torch.

A run is what its run.json says of it ("about"): its kind, parameters, settings and networks. Where it does not say,
nothing is taken to be on.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = [
    "About",
    "Advice",
    "advised",
    "as_default",
    "clipped",
    "forgets",
    "has_layer",
    "in_force",
    "layers",
    "no_dropout",
    "noisy",
    "not_default",
    "objective_is",
    "objective_is_not",
    "off",
    "on",
    "parameter",
    "penalised",
    "plain_cell",
    "reads_the_end",
    "recurrent",
    "saturating",
    "setting",
    "several_steps",
    "spectral",
    "stacked",
    "unflipped",
    "unnormalised",
    "unpacked",
    "unpenalised",
    "weighs",
    "without",
]

About = Mapping[str, Any]
"""What run.json says of a run."""


def _always(about: About) -> bool:
    return True


@dataclass(frozen=True)
class Advice:
    """Something that helps. open: whether it can be done in a run, and has not been done yet."""

    words: str
    open: Callable[[About], bool] = _always


def advised(several: Sequence[Advice], about: About | None = None) -> str:
    """What helps in a run, in a sentence; everything that is known, where there is no run.

    >>> advised([Advice("dropout", open=lambda run: not run["dropout"]), Advice("more rows")], {"dropout": 0.3})
    'more rows.'
    """
    words = [one.words for one in several if about is None or one.open(about)]
    return f"{'; '.join(words) or 'all that is known to help is on already'}."


# -- what a run has


def parameter(about: About, name: str, otherwise: Any = None) -> Any:
    """Of an estimator, as it was given."""
    return (about.get("parameters") or {}).get(name, otherwise)


def setting(about: About, name: str, otherwise: Any = None) -> Any:
    """What is in force; the parameter, where the settings do not say."""
    found = (about.get("settings") or {}).get(name)
    return parameter(about, name, otherwise) if found is None else found


def layers(about: About, network: str = "") -> set[str]:
    """The kinds of layers in a run's networks, without their sizes; network: a part of the networks' names."""
    several = (about.get("networks") or {}).items()
    told = [str((found or {}).get("summary", "")) for name, found in several if network in name]
    return {re.sub(r" [\d-]+$", "", part.strip()) for whole in told for part in whole.split(",")} - {""}


def has_layer(about: About, *parts: str, network: str = "") -> bool:
    return any(part.lower() in kind.lower() for kind in layers(about, network) for part in parts)


def off(name: str) -> Callable[[About], bool]:
    """Whether there is such a parameter, and it is nothing: False, 0 or None."""
    return lambda about: name in (about.get("parameters") or {}) and not setting(about, name)


def without(*parts: str, network: str = "") -> Callable[[About], bool]:
    """Whether no layer is of these kinds."""
    return lambda about: not has_layer(about, *parts, network=network)


def on(name: str) -> Callable[[About], bool]:
    """Whether there is such a parameter, and it is something."""
    return lambda about: bool(setting(about, name))


def noisy(about: About) -> bool:
    """Whether samples are made from noise (a CycleGAN's are made from rows)."""
    return about.get("kind") != "cyclegan"


def no_dropout(about: About) -> bool:
    return not setting(about, "dropout") and not has_layer(about, "dropout")


def penalised(about: About) -> bool:
    return bool(setting(about, "penalties"))


def unpenalised(about: About) -> bool:
    return not penalised(about)


def clipped(about: About) -> bool:
    return setting(about, "clip") is not None


def spectral(about: About) -> bool:
    return bool(setting(about, "spectral"))


def several_steps(about: About) -> bool:
    """Whether the critic has more turns than the generator; where it is not said, it may."""
    return setting(about, "critic_steps", 2) != 1


def objective_is(*names: str) -> Callable[[About], bool]:
    return lambda about: setting(about, "objective") in names


def objective_is_not(*names: str) -> Callable[[About], bool]:
    return lambda about: setting(about, "objective") not in names


def unpacked(about: About) -> bool:
    """Whether the critic could judge packs of samples, and judges them one by one."""
    return setting(about, "pack", 0) == 1


def unflipped(about: About) -> bool:
    return (about.get("schema") or {}).get("kind") == "image" and off("flip")(about)


def weighs(name: str) -> Callable[[About], bool]:
    """Whether a weight is not 0 already."""
    return lambda about: bool(setting(about, name, 1.0))


def recurrent(about: About) -> bool:
    return str(about.get("kind", "")).startswith("sequence")


def stacked(about: About) -> bool:
    """Whether it is no recurrent network."""
    return not recurrent(about)


def saturating(about: About) -> bool:
    return stacked(about) and not has_layer(about, "relu", "silu", "gelu", "elu")


def unnormalised(about: About) -> bool:
    return stacked(about) and not has_layer(about, "norm")


def plain_cell(about: About) -> bool:
    return parameter(about, "cell") == "rnn"


def reads_the_end(about: About) -> bool:
    """Whether the answer sees the last step alone."""
    return parameter(about, "pooling") == "last"


def forgets(about: About) -> bool:
    """Whether gates could be told how long to keep what they have, and were not."""
    return parameter(about, "cell") in ("lstm", "gru") and off("remember")(about)


def as_default(given: Mapping[str, Any]) -> bool:
    """Whether an estimator's parameters ask for the game that it has by default."""
    changed = ("changes", "critic_steps", "learning_rate", "latent_size")
    if "recipe" not in given:  # a CycleGAN
        changed = ("changes", "adversarial", "cycle", "identity", "objective", "learning_rate", "buffer")
    return given.get("recipe", "auto") in ("auto", "r3gan") and all(given.get(name) in (None, {}) for name in changed)


def not_default(about: About) -> bool:
    return not as_default(in_force(about))


def in_force(about: About) -> dict[str, Any]:
    """The parameters that a run has: those given, and what remedies have changed."""
    found = {**(about.get("parameters") or {}), **dict.fromkeys(about.get("custom") or (), "the user's own")}
    for entry in about.get("remedies") or ():
        found |= entry["parameters"]
    return found
