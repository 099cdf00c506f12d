"""Turns, the one loop that plays them, recipes that make them, and checkpoints."""

from sparring.training.adversarial import adversarial_game
from sparring.training.changes import changed
from sparring.training.epochs import EpochWatch
from sparring.training.loop import State, Step, train
from sparring.training.recipe import Penalty, Recipe
from sparring.training.recipes import RECIPES
from sparring.training.selection import Selection
from sparring.training.sensitivities import Sensitivity, delta_in_time, delta_sizes, sensitivities
from sparring.training.supervised import gradient_descent, supervised_game
from sparring.training.turn import Game, Loss, Played, Round, Turn, play

__all__ = [
    "RECIPES",
    "EpochWatch",
    "Game",
    "Loss",
    "Penalty",
    "Played",
    "Recipe",
    "Round",
    "Selection",
    "Sensitivity",
    "State",
    "Step",
    "Turn",
    "adversarial_game",
    "changed",
    "delta_in_time",
    "delta_sizes",
    "gradient_descent",
    "play",
    "sensitivities",
    "supervised_game",
    "train",
]
