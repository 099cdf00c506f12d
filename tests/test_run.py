"""A run at the level below the estimators: any game, with record, stopping and checkpoints."""

import json
import signal
import threading
from pathlib import Path

import pytest
import torch
from torch import nn

from sparring.chance import Chance
from sparring.data.batches import Batches
from sparring.errors import Interrupted
from sparring.objectives import mean_squared_error
from sparring.place import Place
from sparring.record import Record
from sparring.run import Intervals, Progress, Stopping, resume_state, run
from sparring.training import Game, State, gradient_descent, supervised_game
from sparring.training.stopping import Patience

PLACE = Place()


def _fit() -> tuple[nn.Linear, Game, Batches]:
    """A supervised fit whose loss falls for some steps, then rises as its rate grows."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network, x = nn.Linear(2, 1), torch.randn(32, 2)
    game = supervised_game(
        network, mean_squared_error, gradient_descent(network, 0.1, 0.5), lambda step: 0.02 * 1.15**step
    )
    return network, game, Batches(x, x @ torch.tensor([[1.0], [-2.0]]), size=8)


def _stopping() -> Stopping:
    return Stopping(Patience(looks=4), lambda step: step.row(PLACE)["network/loss"])


def _play(folder: Path, stop_at: int | None = None) -> tuple[nn.Linear, Stopping, State]:
    network, game, batches = _fit()
    state, stopping = State(Chance(1)), _stopping()
    if (folder / "run.json").exists():
        record = Record.open(folder)
        resume_state(record, {**game.parts, "state": state, "watch": stopping})
    else:
        record = Record.create(folder, {})

    def show(progress: Progress) -> None:
        if progress.step == stop_at:
            signal.raise_signal(signal.SIGTERM)

    intervals = Intervals(log=1, checkpoint=7)
    run(
        game,
        batches,
        300,
        state=state,
        place=PLACE,
        record=record,
        intervals=intervals,
        watches={"watch": stopping},
        show=show,
    )
    return network, stopping, state


def test_early_stopping_resumes_with_what_it_had_seen(tmp_path: Path) -> None:
    network, stopping, state = _play(tmp_path / "straight")
    assert 10 < state.step < 300
    assert state.step == stopping.patience.best_step + 4
    with pytest.raises(Interrupted):
        _play(tmp_path / "stopped", stop_at=state.step - 2)  # in the middle of its patience
    again, restopping, restate = _play(tmp_path / "stopped")
    assert restate.step == state.step
    assert restopping.patience.state_dict() == stopping.patience.state_dict()
    assert torch.equal(network.weight, again.weight)
    assert restopping.done
    _, _, ended = _play(tmp_path / "stopped")  # a run that had ended early stays ended
    assert ended.step == state.step
    rows = [(tmp_path / name / "metrics.jsonl").read_bytes() for name in ("straight", "stopped")]
    assert rows[0] == rows[1]


def test_every_run_in_a_folder_can_be_resumed_from_the_start(tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        _play(tmp_path / "run", stop_at=1)
    assert (tmp_path / "run/checkpoint/step-00000000").exists()
    assert json.loads((tmp_path / "run/run.json").read_text())["sessions"][0]["to_step"] == 1


def test_signal_handlers_are_put_back(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    _play(tmp_path / "run")
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_it_runs_outside_the_main_thread(tmp_path: Path) -> None:
    steps: list[int] = []
    worker = threading.Thread(target=lambda: steps.append(_play(tmp_path / "run")[2].step))
    worker.start()
    worker.join()
    assert steps[0] > 10


def test_an_error_of_the_users_own_leaves_a_record_that_says_so(tmp_path: Path) -> None:
    _, game, batches = _fit()
    record = Record.create(tmp_path / "run", {})

    def broken(progress: Progress) -> None:
        raise ZeroDivisionError("my own mistake")

    with pytest.raises(ZeroDivisionError):
        run(game, batches, 10, state=State(), place=PLACE, record=record, show=broken)
    about = Record.open(tmp_path / "run").about
    assert (about["status"], about["failure"]) == ("failed", "my own mistake")


@pytest.mark.parametrize("steps", [1, 7, 99, 100, 1_000, 6_001, 200_000])
def test_intervals_give_a_sensible_number_of_rows_and_samples(steps: int) -> None:
    intervals = Intervals.of(steps)
    rows = sum(step % intervals.log == 0 for step in range(1, steps + 1))
    samples = sum(intervals.samples_at(step, steps) for step in range(1, steps + 1))
    assert min(steps, 100) / 4 <= rows + 1
    assert rows <= 400
    assert 1 <= samples <= 40
    assert intervals.log % 4 == 0 or steps < 100
