"""The one loop: rounds of turns, for a fit and for a game alike."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from sparring.chance import Chance
from sparring.data.batches import Batched
from sparring.isolation import gradients_on
from sparring.place import Place
from sparring.training.turn import Finiteness, Played, Round, Turn, play

__all__ = ["State", "Step", "train"]

CONFIRM_EVERY = 32  # steps between two looks at a device that computes on its own


@dataclass
class State:
    """All that a loop remembers from one round to the next.

    step: rounds played. position: batches read. chance: the random states.
    """

    chance: Chance = field(default_factory=lambda: Chance(0))
    step: int = 0
    position: int = 0
    finiteness: Finiteness = field(default_factory=Finiteness, repr=False)

    def state_dict(self) -> dict[str, Any]:
        return {"step": self.step, "position": self.position, "chance": self.chance.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.step, self.position = state["step"], state["position"]
        self.chance.load_state_dict(state["chance"])


@dataclass(frozen=True, slots=True)
class Step:
    """A round that was played. index: counted from one. played: the last repeat of every turn."""

    index: int
    played: Mapping[str, Played]

    def row(self, place: Place) -> dict[str, float | int]:
        """The numbers as a row of the record. With several ranks, all of them must ask at the same steps."""
        names, values = ["step"], []
        for turn, played in self.played.items():
            for term, value in {"loss": played.loss.total, "gradient": played.gradient, **played.loss.terms}.items():
                names.append(f"{turn}/{term}")
                values.append(value.detach().float().mean())
        together = torch.stack(values)
        place.average([together])
        rates = {f"{turn}/rate": played.rate for turn, played in self.played.items()}
        return {"step": self.index, **dict(zip(names[1:], together.tolist(), strict=True)), **rates}


def train(
    turns: Sequence[Turn], batches: Batched, steps: int, state: State | None = None, place: Place | None = None
) -> Iterator[Step]:
    """Play rounds until ``steps`` have been played, and yield a Step after each.

    It is an ordinary generator: ``break`` stops it, ``next`` plays one round. It owns no files and
    prints nothing; ``state`` is all that it keeps, so saving the state, the networks and the
    optimisers after any Step, and going on from there, gives the same bits.
    Raises Diverged if a loss or a gradient is not finite.
    """
    state = State() if state is None else state
    place = Place() if place is None else place
    for turn in turns:
        turn.module.train()
    while state.step < steps:
        with gradients_on(), state.chance.ambient():
            played = _play_round(turns, batches, state, place)
        state.step += 1
        if state.step % CONFIRM_EVERY == 0:
            state.finiteness.confirm()
        yield Step(state.step, played)


def _play_round(turns: Sequence[Turn], batches: Batched, state: State, place: Place) -> dict[str, Played]:
    round = Round(state.step, state.chance)
    played = {}
    for turn in turns:
        for _ in range(turn.times(state.step)):
            if turn.reads:
                round.batch = batches[state.position]
                state.position += 1
            played[turn.name] = play(turn, round, place, state.finiteness)
    return played
