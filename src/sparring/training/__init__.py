"""Turns, the one loop that plays them, recipes that make them, and checkpoints."""

from sparring.training.loop import State, Step, train
from sparring.training.recipes import (
    RECIPES,
    Game,
    Penalty,
    Recipe,
    adversarial_game,
    gradient_descent,
    supervised_game,
)
from sparring.training.sensitivities import Sensitivity, sensitivities
from sparring.training.turn import Loss, Played, Round, Turn, play

__all__ = [
    "RECIPES",
    "Game",
    "Loss",
    "Penalty",
    "Played",
    "Recipe",
    "Round",
    "Sensitivity",
    "State",
    "Step",
    "Turn",
    "adversarial_game",
    "gradient_descent",
    "play",
    "sensitivities",
    "supervised_game",
    "train",
]
