"""Checkpoints: what goes in comes out, and what is broken is named, not used."""

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from sparring.data.batches import Batches
from sparring.errors import CheckpointError, CheckpointWarning
from sparring.networks import ConvCritic, ConvGenerator
from sparring.training import RECIPES, State, adversarial_game, train
from sparring.training.checkpoint import pack, read_newest, restore, unpack, write

PLAIN = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(max_size=5)
NESTED = st.recursive(
    PLAIN,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=4) | st.integers(0, 9), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(NESTED)
@settings(max_examples=100, deadline=None)
def test_nested_states_come_back_with_their_types(value: Any) -> None:
    packed = json.loads(json.dumps(pack(value, "root", {})))
    assert unpack(packed, {}) == value
    assert repr(unpack(packed, {})) == repr(value)


def test_tensors_of_every_kind_come_back(tmp_path: Path) -> None:
    class Part:
        def __init__(self, state: dict[Any, Any]) -> None:
            self.state = state

        def state_dict(self) -> dict[Any, Any]:
            return self.state

        def load_state_dict(self, state: dict[Any, Any]) -> None:
            self.state = state

    shared = torch.randn(3, 4)
    state = {
        0: {"a": shared, "b": shared.t(), "half": torch.randn(3).bfloat16(), "long": torch.arange(3)},
        "bytes": torch.get_rng_state(),
        "scalar": torch.tensor(2.5),
        "betas": (0.0, 0.99),
    }
    write(tmp_path, 7, {"part": Part(state)})
    empty = Part({})
    found = read_newest(tmp_path)
    restore(found, {"part": empty})
    assert found.step == 7
    for name, tensor in state[0].items():
        assert torch.equal(empty.state[0][name], tensor)
        assert empty.state[0][name].dtype == tensor.dtype
    assert torch.equal(empty.state["bytes"], state["bytes"])
    assert empty.state["betas"] == (0.0, 0.99)


def _some(folder: Path, steps: tuple[int, ...] = (1, 2, 3)) -> nn.Linear:
    network = nn.Linear(2, 2)
    for step in steps:
        nn.init.constant_(network.weight, float(step))
        write(folder, step, {"network": network})
    return network


def test_the_last_two_are_kept(tmp_path: Path) -> None:
    _some(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-00000002", "step-00000003"]


@pytest.mark.parametrize("harm", ["truncate", "flip", "remove", "json", "foreign", "pickle"])
def test_a_broken_checkpoint_is_named_and_the_one_before_is_used(tmp_path: Path, harm: str) -> None:
    network = _some(tmp_path)
    tensors, about = tmp_path / "step-00000003/state.safetensors", tmp_path / "step-00000003/state.json"
    content = tensors.read_bytes()
    match harm:
        case "truncate":
            tensors.write_bytes(content[:-5])
        case "flip":
            tensors.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        case "remove":
            tensors.unlink()
        case "json":
            about.write_text(about.read_text()[:40])
        case "foreign":
            about.write_text(json.dumps({"format": "someone else's"}))
        case "pickle":
            tensors.write_bytes(pickle.dumps({"weight": [1.0]}))
    with pytest.warns(CheckpointWarning, match=r"step-00000003 cannot be used.*step 2 is used"):
        found = read_newest(tmp_path)
    assert found.step == 2
    assert len(found.skipped) == 1
    assert "step-00000003" in found.skipped[0]
    restore(found, {"network": network})
    assert network.weight[0, 0].item() == 2.0


def test_a_half_written_checkpoint_is_not_one(tmp_path: Path) -> None:
    _some(tmp_path, (1,))
    (tmp_path / "step-00000002.partial").mkdir()
    assert read_newest(tmp_path).step == 1


def test_no_checkpoint_is_an_error_that_says_so(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no checkpoint was ever finished"):
        read_newest(tmp_path / "nothing")


def test_a_checkpoint_of_other_networks_is_refused(tmp_path: Path) -> None:
    _some(tmp_path)
    with pytest.raises(CheckpointError, match="does not fit network: .*size mismatch"):
        restore(read_newest(tmp_path), {"network": nn.Linear(3, 2)})
    with pytest.raises(CheckpointError, match="but not critic"):
        restore(read_newest(tmp_path), {"critic": nn.Linear(2, 2)})


def test_optimiser_memory_keeps_its_layout(tmp_path: Path) -> None:
    # fused updates walk raw memory, and a channels-last moment restored as a contiguous one is scrambled
    def game() -> tuple[Any, State]:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            networks = ConvGenerator(4, (3, 12, 12), 4), ConvCritic((3, 12, 12), 4)
        return adversarial_game(*networks, 4, RECIPES["nonsaturating"]["image"], 20), State()

    with torch.random.fork_rng():
        torch.manual_seed(1)
        batches = Batches(torch.randn(32, 3, 12, 12), size=8)
    straight, state = game()
    for step in train(straight.turns, batches, 8, state):
        if step.index == 4:
            write(tmp_path, 4, {**straight.parts, "state": state})
    resumed, again = game()
    restore(read_newest(tmp_path), {**resumed.parts, "state": again})
    for _ in train(resumed.turns, batches, 8, again):
        pass
    for turn, other in zip(straight.turns, resumed.turns, strict=True):
        for one, two in zip(turn.module.parameters(), other.module.parameters(), strict=True):
            assert torch.equal(one, two)
            assert turn.optimizer.state[one]["exp_avg_sq"].stride() == other.optimizer.state[two]["exp_avg_sq"].stride()
