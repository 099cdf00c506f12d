"""Forecasts of one long series: the naive forecast and what is changed of it, what is held out, and what is refused."""

import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import r2_score

import sparring as sp
from sparring.chance import ambient_seed
from sparring.data.ragged import Ragged, SequenceBatches
from sparring.data.sequence_files import read_windows
from sparring.data.series import Scaling, Series
from sparring.data.targets import Numbers
from sparring.data.windows import Overlapping, naive, windows
from sparring.errors import DataError, InputError, Interrupted, ShapeError
from sparring.estimators.forecasting import ForecastNetwork, Horizon, last_in_time
from sparring.judging import judge_answers
from sparring.networks import SequenceNetwork
from sparring.run import Progress

RNG = np.random.default_rng(0)
VALUES = np.cumsum(RNG.normal(size=(120, 3)), axis=0) * [1.0, 50.0, 0.01] + [5.0, 0.0, 1.0]
SERIES = Series(VALUES, ("load", "oil", "wind"))
SMALL: dict[str, Any] = {"hidden_size": 6, "max_iter": 3, "batch_size": 16, "random_state": 0, "threads": 1}


def _made(**more: Any) -> sp.SequenceRegressor:
    return sp.SequenceRegressor(**{**SMALL, "ahead": 4, "back": 10, **more})


def _weights(model: Any) -> dict[str, torch.Tensor]:
    return model.network_.state_dict()


def _equal(one: Any, other: Any) -> bool:
    a, b = _weights(one), _weights(other)
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def _file(folder: Path) -> Path:
    frame = pd.DataFrame(VALUES, columns=list(SERIES.names))
    frame.insert(0, "date", pd.date_range("2020-01-01", periods=len(frame)).astype(str))
    frame.to_csv(folder / "series.csv", index=False)
    return folder / "series.csv"


# -- the network


@pytest.mark.parametrize("relative", [True, False])
@pytest.mark.parametrize(("season", "columns"), [(None, (0, 1, 2)), (3, (2, 0)), (10, (1,))])
def test_untrained_it_is_the_naive_forecast(season: int | None, columns: tuple[int, ...], relative: bool) -> None:
    rows = torch.randn(5, 10, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    changes = SequenceNetwork(7 * len(columns), width=3, hidden=4, answer="last")
    network = ForecastNetwork(changes, Horizon(10, 7, season), columns, relative).double()
    expected = naive(rows.numpy(), 7, season, columns).reshape(5, -1)
    assert np.array_equal(network(rows, torch.full((5,), 10)).detach().numpy(), expected)


def test_relative_forecasts_move_along_with_the_level() -> None:
    rows = torch.randn(5, 6, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    with ambient_seed(0):
        changes = SequenceNetwork(3, width=2, hidden=4, answer="last")
        last = torch.randn(3, 4), torch.randn(3)
    moved = torch.tensor([7.0, -2.0], dtype=torch.float64)
    found = {}
    for relative in (True, False):
        network = ForecastNetwork(changes, Horizon(6, 3, 2), (1,), relative).double()
        with torch.no_grad():
            network.changes.last.weight.copy_(last[0])
            network.changes.last.bias.copy_(last[1])
        found[relative] = (network(rows + moved) - network(rows) - moved[1]).abs().max().item()
    assert found[True] < 1e-12
    assert found[False] > 0.1


def test_windows_that_share_memory_are_the_windows() -> None:
    values = torch.arange(40.0).reshape(20, 2)
    starts = torch.tensor([3, 0, 11, 7, 15])
    shared, copied = Overlapping(values, starts, 5), Ragged.of([values[i : i + 5] for i in starts.tolist()])
    rows = torch.tensor([4, 0, 2])
    assert torch.equal(shared.padded(rows), copied.padded(rows))
    assert torch.equal(shared.part(rows).padded(torch.tensor([2, 1])), copied.part(rows).padded(torch.tensor([2, 1])))
    assert torch.equal(shared.to(torch.device("cpu"))[2], copied[2])
    ours, theirs = (SequenceBatches(one, starts, size=2, seed=1) for one in (shared, copied))
    for i in range(6):
        assert all(torch.equal(a, b) for a, b in zip(ours[i], theirs[i], strict=True))


# -- learning


@pytest.mark.parametrize("relative", [True, False])
def test_it_learns_what_the_best_forecast_knows(relative: bool) -> None:
    """AR(1) with phi = 1/2: one step ahead the best R² is phi^2, less where only differences from the last value are
    seen, and the naive one's is 2 phi - 1 = 0. The best is linear, as all is normal: MSE = v - c' S^-1 c.
    """
    phi, back = 0.5, 4
    together = phi ** np.abs(np.subtract.outer(np.arange(back + 1), np.arange(back + 1))) / (1 - phi**2)
    seen = np.eye(back + 1)[:back]
    seen = seen[:-1] - seen[-1] if relative else seen
    change = np.eye(back + 1)[back] - np.eye(back + 1)[back - 1]
    S, c = seen @ together @ seen.T, seen @ together @ change
    best = 1 - (change @ together @ change - c @ np.linalg.solve(S, c)) / together[0, 0]
    assert relative or best == pytest.approx(phi**2)
    series, noise = np.zeros(20_000), np.random.default_rng(1).normal(size=20_000)
    for t in range(1, 20_000):
        series[t] = phi * series[t - 1] + noise[t]
    model = _made(ahead=1, back=back, max_iter=6, batch_size=64, learning_rate_init=0.01, relative=relative)
    judged = model.fit(series[:5000]).judge(series[5000:])
    rows = np.lib.stride_tricks.sliding_window_view(series[5000:], back + 1)
    missed = rows @ change - rows @ seen.T @ np.linalg.solve(S, c)
    found = 1 - (missed**2).mean() / rows[:, -1].var()
    assert found == pytest.approx(best, abs=0.02)  # the series is what it is said to be
    assert found - 0.01 < judged.score < found + 0.001
    assert judged.naive == pytest.approx(2 * phi - 1, abs=0.05)


def test_a_season_is_where_it_begins() -> None:
    series = np.tile([3.0, 1.0, 4.0, 1.0, 5.0], 30)
    model = _made(season=5, max_iter=1).fit(series)
    assert model.forecast(series)[:, 0] == pytest.approx([3, 1, 4, 1], abs=1e-5)  # nothing was left to be learned


def test_what_is_held_out_changes_no_weight() -> None:
    later = VALUES.copy()
    later[96:] = RNG.normal(size=(24, 3)) * 1000
    fits = [_made(validation_fraction=0.2).fit(values) for values in (VALUES, later)]
    assert _equal(*fits)
    assert fits[0].validation_curve_ != fits[1].validation_curve_
    earlier = VALUES.copy()
    earlier[95] += 1
    assert not _equal(fits[0], _made(validation_fraction=0.2).fit(earlier))


@pytest.mark.parametrize(("t", "fraction", "back", "ahead"), [(120, 0.2, 10, 4), (50, 0.5, 3, 9), (31, 0.1, 5, 1)])
def test_held_out_windows_are_the_last_ones(t: int, fraction: float, back: int, ahead: int) -> None:
    found = read_windows(np.arange(float(t)), None, back, ahead)
    train, held_out = last_in_time(found, fraction, Horizon(back, ahead))
    first = t - round(t * fraction)
    steps = [set(range(i + back, i + back + ahead)) for i in range(len(found))]
    assert train.tolist() == [i for i, mine in enumerate(steps) if max(mine) < first]
    assert held_out.tolist() == [i for i, mine in enumerate(steps) if min(mine) >= first]


def test_scaling_is_that_of_the_training_steps() -> None:
    model = _made(validation_fraction=0.25).fit(VALUES)
    expected = Scaling.of(VALUES[:90])
    assert model.coding_.scaling == expected
    assert model.coding_.targets.deviations == expected.deviations * 4


# -- answers


def test_forecasts_are_those_of_the_last_window_wherever_the_series_lies(tmp_path: Path) -> None:
    path = _file(tmp_path)
    model = _made().fit(path, "oil")
    expected = model.predict(VALUES[None, -10:])
    assert expected.shape == (1, 4, 1)
    frame = pd.DataFrame(VALUES[:, [2, 1, 0]], columns=["wind", "oil", "load"]).assign(other=0.0)
    for series in (path, VALUES, VALUES.tolist(), SERIES, frame, VALUES[-10:]):
        assert np.array_equal(model.forecast(series), expected[0])
    several = _made().fit(SERIES, ["wind", "load"])
    assert several.forecast(SERIES).shape == (4, 2)
    assert _equal(several, _made().fit(path, "wind,load"))
    assert abs(several.forecast(SERIES)[:, 0] - VALUES[-1, 2]).max() < 1  # wind's unit, not load's
    assert _made().fit(VALUES[:, 0]).forecast(VALUES[:, 0]).shape == (4, 1)


def test_a_judgement_by_hand() -> None:
    model, test = _made(season=2).fit(VALUES[:80], ["x2", "x0"]), VALUES[70:]
    inputs, targets = windows(test, 10, 4, [2, 0])
    said, flat = model.predict(inputs), (len(inputs), -1)
    judged = model.judge(test)
    assert judged.score == pytest.approx(r2_score(targets.reshape(flat), said.reshape(flat)), abs=1e-6)
    assert model.score(test) == pytest.approx(judged.score, abs=1e-6)
    simple = naive(inputs, 4, 2, [2, 0])
    assert judged.naive == pytest.approx(r2_score(targets.reshape(flat), simple.reshape(flat)), abs=1e-6)
    assert judged.typical == pytest.approx(np.abs(targets - said).mean((0, 1)), rel=1e-5)
    assert judged.rows == len(inputs) == 37
    assert not judged.seen
    assert model.judge(VALUES[:80]).seen
    assert f"the naive forecast: {judged.naive:.4f}" in judged.lines()


def test_rows_resampled_together_count_as_one() -> None:
    """Every row five times in succession says no more than once."""
    true, said = RNG.normal(size=(40, 2)), RNG.normal(size=(40, 2))
    targets = Numbers.of(true)
    once = judge_answers(said, targets.encode(true), targets, np.arange(40))
    repeated = targets.encode(np.repeat(true, 5, axis=0))
    together = judge_answers(np.repeat(said, 5, axis=0), repeated, targets, np.arange(200), together=5)
    apart = judge_answers(np.repeat(said, 5, axis=0), repeated, targets, np.arange(200))
    assert together.interval == pytest.approx(once.interval)
    assert np.diff(apart.interval) < 0.7 * np.diff(once.interval)


# -- kept


@pytest.mark.parametrize("where", ["file", "memory"])
def test_a_run_resumes_to_the_same_bits(where: str, tmp_path: Path) -> None:
    X = _file(tmp_path) if where == "file" else VALUES
    y = ["oil", "load"] if where == "file" else None
    keeping: dict[str, Any] = {"early_stopping": True, "validation_fraction": 0.2, "checkpoint_every": 3, "season": 7}
    straight = _made(run=tmp_path / "straight", **keeping).fit(X, y)

    def stop(progress: Progress) -> None:
        if progress.step == 7:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(Interrupted, match="stopped at step 7"):
        _made(run=tmp_path / "stopped", verbose=stop, **keeping).fit(X, y)
    resumed = sp.SequenceRegressor.resume(tmp_path / "stopped", None if where == "file" else X)
    assert _equal(straight, resumed)
    assert (tmp_path / "straight/metrics.jsonl").read_text() == (tmp_path / "stopped/metrics.jsonl").read_text()
    assert np.array_equal(straight.forecast(X), resumed.forecast(X))
    assert "naive forecast" in (tmp_path / "stopped/report.html").read_text().lower()
    with pytest.raises(DataError, match="changed since the run"):
        sp.SequenceRegressor.resume(tmp_path / "stopped", VALUES + 1, y and ["x1", "x0"])


def test_saved_and_loaded_it_forecasts_the_same(tmp_path: Path) -> None:
    model = _made(season=3, relative=False, validation_fraction=0.2, run=tmp_path / "run").fit(SERIES, "oil")
    model.save(tmp_path / "saved")
    for folder in ("saved", "run"):
        loaded = sp.load(tmp_path / folder)
        assert np.array_equal(loaded.forecast(SERIES), model.forecast(SERIES))
        assert loaded.score(SERIES) == model.score(SERIES)
        assert loaded.answers_ == model.answers_
        with pytest.raises(DataError, match=r"no column 'oil'; did you mean 'oils'\?"):
            loaded.forecast(pd.DataFrame(VALUES, columns=["load", "oils", "wind"]))


# -- refused


def test_series_that_are_too_short() -> None:
    with pytest.raises(InputError, match="a series of 13 steps has no window.*at least 14 steps are needed"):
        _made().fit(VALUES[:13])
    _made().fit(VALUES[:14])
    with pytest.raises(InputError, match="of 30 steps the last 3 are held out.*40 steps are long enough"):
        _made(validation_fraction=0.1).fit(VALUES[:30])
    _made(validation_fraction=0.1).fit(VALUES[:40])
    model = _made().fit(VALUES)
    with pytest.raises(InputError, match="a series of 9 steps cannot be gone on from: its last 10"):
        model.forecast(VALUES[:9])


def test_columns_that_are_not_there() -> None:
    with pytest.raises(DataError, match=r"no column 'iol'; did you mean 'oil'\?"):
        _made().fit(SERIES, ["load", "iol"])
    with pytest.raises(InputError, match=r"must be named \(x0, x1, x2\); got array"):
        _made().fit(VALUES, VALUES[:, 0])
    model = _made().fit(SERIES, "oil")
    with pytest.raises(ShapeError, match=r"must have 3 column\(s\), load, oil, wind; got 2"):
        model.forecast(VALUES[:, :2])
    with pytest.raises(InputError, match="of which oil are forecast.*of which load"):
        model.judge(SERIES, "load")
    with pytest.raises(InputError, match="like the series that is learned from"):
        _made().fit(SERIES, "oil", validation_data=(SERIES, None))


def test_other_things_that_cannot_be() -> None:
    with pytest.raises(InputError, match="season of 12 steps.*give back=12 or more"):
        _made(season=12).fit(VALUES)
    with pytest.raises(InputError, match="'ahead' parameter"):
        _made(ahead=0).fit(VALUES)
    with pytest.raises(DataError, match="finite numbers; found nan at index"):
        _made().fit([*VALUES[:, 0].tolist(), np.nan])
    with pytest.raises(ShapeError, match=r"must have the shape \(t,\) or \(t, columns\)"):
        _made().fit(VALUES[None])
    model = _made().fit(VALUES)
    with pytest.raises(ShapeError, match=r"\(n, back=10, columns=3\); got \(120, 3\).*forecast\(series\)"):
        model.predict(VALUES)
    with pytest.raises(InputError, match=r"use forecast\(series\)"):
        model.stream()
    plain = sp.SequenceRegressor(**SMALL).fit([VALUES[i : i + 5] for i in range(20)], np.arange(20.0))
    with pytest.raises(InputError, match="answers for whole sequences; to forecast"):
        plain.forecast(VALUES)
