"""Random state, atomic files, shapes, batches, the record and its table, the exceptions."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sparring import shapes
from sparring.chance import Chance, ambient_seed
from sparring.data.batches import Batches
from sparring.errors import DataError, Diverged, FolderError, InputError, Interrupted, ShapeError
from sparring.files import read_json, replaced_file, replaced_folder, write_json
from sparring.metrics import METRICS, metric
from sparring.place import Place, threads
from sparring.record import Record
from sparring.seeds import derive, seed_from

# -- chance


def test_seeds_come_from_what_scikit_learn_users_pass() -> None:
    assert seed_from(7) == seed_from(np.int64(7)) == 7
    assert seed_from(np.random.RandomState(0)) == seed_from(np.random.RandomState(0))
    assert seed_from(None) != seed_from(None)
    for wrong in (-1, 1.5, "a", True):
        with pytest.raises(InputError, match="random_state"):
            seed_from(wrong)


def test_derived_seeds_are_stable_and_apart() -> None:
    seeds = {derive(seed, name, i) for seed in range(20) for name in ("a", "b") for i in range(20)}
    assert len(seeds) == 800
    assert derive(0, "weights") == derive(0, "weights")
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_chance_resumes_both_of_its_states() -> None:
    chance = Chance(3)
    chance.normal(4, 2)
    with chance.redirected():
        torch.rand(3)
    saved = chance.state_dict()
    with chance.redirected():
        then = (chance.normal(5, 1), chance.uniform(5), torch.rand(2))
    again = Chance(99)
    again.load_state_dict(saved)
    with again.redirected():
        for one, other in zip(then, (again.normal(5, 1), again.uniform(5), torch.rand(2)), strict=True):
            assert torch.equal(one, other)


def test_ranks_draw_parts_of_what_one_rank_draws() -> None:
    whole, parts = Chance(5), [Chance(5, rank=rank, ranks=3) for rank in range(3)]
    assert torch.equal(whole.normal(6, 2), torch.cat([part.normal(2, 2) for part in parts]))
    assert torch.equal(whole.uniform(6), torch.cat([part.uniform(2) for part in parts]))


def test_ambient_seed_puts_the_users_state_back() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        expected = torch.rand(2)
        torch.manual_seed(1)
        with pytest.raises(ZeroDivisionError), ambient_seed(4):
            torch.rand(5)
            raise ZeroDivisionError
        assert torch.equal(torch.rand(2), expected)


# -- files


def test_a_file_is_whole_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "a.json"
    write_json(path, {"x": 1})
    with pytest.raises(ZeroDivisionError), replaced_file(path) as partial:
        partial.write_text("half")
        raise ZeroDivisionError
    assert read_json(path) == {"x": 1}
    assert list(path.parent.iterdir()) == [path]


def test_a_folder_is_whole_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "c"
    with pytest.raises(ZeroDivisionError), replaced_folder(path) as partial:
        (partial / "a").write_text("half")
        raise ZeroDivisionError
    assert not any(tmp_path.iterdir())
    with replaced_folder(path) as partial:
        (partial / "a").write_text("whole")
    assert (path / "a").read_text() == "whole"


def test_an_unwritable_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FolderError, match="cannot write .*(File exists|Not a directory)"):
        write_json(tmp_path / "file" / "x.json", {})


# -- shapes


def test_shapes_are_checked_by_letters() -> None:
    assert shapes.check("x", np.zeros((2, 3, 3)), "n h h") == {"n": 2, "h": 3}
    assert shapes.check("x", np.zeros((2, 3, 3)), "n ...", n=2) == {"n": 2}
    with pytest.raises(ShapeError, match=r"x must have the shape \(n=4, 2\); got \(4, 3\)\. A hint\."):
        shapes.check("x", np.zeros((4, 3)), "n 2", "A hint.", n=4)
    with pytest.raises(ShapeError):
        shapes.check("x", np.zeros((2, 3)), "n h h")


# -- batches


@given(rows=st.integers(1, 30), size=st.integers(1, 40), seed=st.integers(0, 5))
@settings(max_examples=60, deadline=None)
def test_batches_are_seamless_permutations(rows: int, size: int, seed: int) -> None:
    data = torch.arange(rows)
    batches = Batches(data, size=size, seed=seed)
    joined = torch.cat([batches[i][0] for i in range(2 * rows // size + 2)])
    for epoch in range(len(joined) // rows):
        assert sorted(joined[epoch * rows : (epoch + 1) * rows].tolist()) == data.tolist()
    fresh = Batches(data, size=size, seed=seed)
    assert torch.equal(fresh[3][0], batches[3][0])  # in any order, from the index alone


@given(rows=st.integers(1, 30), size=st.integers(1, 40))
@settings(max_examples=40, deadline=None)
def test_short_batches_end_with_the_epoch(rows: int, size: int) -> None:
    batches = Batches(torch.arange(rows), size=size, short=True)
    epoch = [batches[i][0] for i in range(batches.per_epoch)]
    assert sorted(torch.cat(epoch).tolist()) == list(range(rows))
    assert batches.epoch(batches.per_epoch) == 1.0


def test_ranks_share_a_batch() -> None:
    data = torch.arange(50)
    whole = Batches(data, size=12, seed=1)
    parts = [Batches(data, size=12, seed=1, rank=rank, ranks=3) for rank in range(3)]
    for i in range(9):
        assert torch.equal(whole[i][0], torch.cat([part[i][0] for part in parts]))
    with pytest.raises(InputError, match="multiple of 5"):
        Batches(data, size=12, ranks=5)


def test_batches_refuse_what_they_cannot_use() -> None:
    with pytest.raises(InputError, match="common length"):
        Batches(torch.zeros(3), torch.zeros(4))
    with pytest.raises(InputError):
        Batches(torch.zeros(0))


# -- record


def test_a_record_in_a_folder_and_one_in_memory_hold_the_same(tmp_path: Path) -> None:
    kept, loose = Record.create(tmp_path / "run", {"kind": "test"}), Record({"kind": "test"})
    for record in (kept, loose):
        record.append({"step": 1, "critic/loss": 0.1})
        record.append({"step": 2, "critic/loss": float("nan")})
        record.update(status="finished")
    saved = loose.save_to(tmp_path / "copy")
    for record in (Record.open(tmp_path / "run"), Record.open(saved.folder)):
        assert record.about == loose.about
        assert str(record.rows()) == str(loose.rows())
    with pytest.raises(FolderError, match="in memory only"):
        _ = loose.folder


def test_a_record_forgets_what_came_after_a_step(tmp_path: Path) -> None:
    record = Record.create(tmp_path / "run", {})
    for step in (10, 20, 30):
        record.append({"step": step})
        record.sample_path(step, ".png").write_bytes(b"")
    with open(record.metrics_path, "a") as file:
        file.write('{"step": 40, "cri')  # a torn line of a killed run
    record.forget_after(20)
    record.append({"step": 30, "again": 1.0})
    assert [row["step"] for row in record.rows()] == [10, 20, 30]
    assert [step for step, _ in record.samples()] == [10, 20]


def test_taken_folders_are_refused(tmp_path: Path) -> None:
    Record.create(tmp_path / "run", {"status": "finished"})
    with pytest.raises(FolderError, match="holds a run already"):
        Record.create(tmp_path / "run", {})
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "precious.txt").write_text("x")
    with pytest.raises(FolderError, match="not empty"):
        Record.create(tmp_path / "other", {})
    with pytest.raises(FolderError, match=r"no run\.json"):
        Record.open(tmp_path / "other")
    with pytest.raises(FolderError, match="there is no folder"):
        Record.open(tmp_path / "nothing")
    (tmp_path / "run" / "run.json").write_text(json.dumps({"format": 99}))
    with pytest.raises(FolderError, match="format 99"):
        Record.open(tmp_path / "run")


def test_metrics_are_named_once_and_explained() -> None:
    names = [entry.name for entry in METRICS]
    assert len(set(names)) == len(names)
    assert all(entry.meaning and entry.healthy for entry in METRICS)
    assert metric("generator/loss").name == "loss"
    with pytest.raises(KeyError, match="no metric is called"):
        metric("critic/nonsense")


# -- errors, places


def test_errors_are_what_python_users_catch() -> None:
    assert issubclass(DataError, ValueError)
    assert issubclass(Interrupted, KeyboardInterrupt)
    error = pickle.loads(pickle.dumps(Diverged("critic", 7, "loss", "run/checkpoint/step-5")))
    assert (error.turn, error.step, error.last_good) == ("critic", 7, "run/checkpoint/step-5")
    assert "run/checkpoint/step-5" in str(error)


def test_places() -> None:
    assert Place.of("cpu").device.type == "cpu"
    for wrong in ({"device": "gpu"}, {"precision": "float16"}):
        with pytest.raises(InputError):
            Place.of(**wrong)
    before = torch.get_num_threads()
    with threads(1) as count:
        assert count == torch.get_num_threads() == 1
    assert torch.get_num_threads() == before
