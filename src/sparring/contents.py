"""What the JSON files of a run folder may hold: the types that they are held against when they are read.

Everything may be absent here, since a record may say little; who needs a thing asks for it. What is there has the type
and the bounds that the code relies on. Unknown keys are left to later versions.
"""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

__all__ = [
    "Count",
    "Data",
    "Evidence",
    "Few",
    "Finding",
    "Layer",
    "Network",
    "Parameters",
    "Place",
    "Remedy",
    "Restarts",
    "Run",
    "Seconds",
    "Session",
    "Side",
    "Size",
    "State",
    "Sum",
    "Sums",
]

Count = Annotated[int, Meta(ge=0, le=2**53)]
Seconds = Annotated[float, Meta(ge=0)]
Few = Annotated[int, Meta(ge=1, le=2**16)]


class Session(Struct):
    from_step: Count
    to_step: Count
    seconds: Seconds
    started: str | None = None


class Place(Struct):
    device: str
    precision: Literal["float32", "bfloat16"]
    ranks: Few
    threads: Few | None


class Side(Struct):
    """Data, of which no value is known."""

    description: str | UnsetType = UNSET
    path: str | None | UnsetType = UNSET
    fingerprint: str | UnsetType = UNSET
    rows_train: Count | UnsetType = UNSET
    rows_held_out: Count | UnsetType = UNSET
    target: str | bool | None | UnsetType = UNSET
    validation_data: bool | UnsetType = UNSET
    named: bool | UnsetType = UNSET


class Data(Side):
    A: Side | UnsetType = UNSET
    B: Side | UnsetType = UNSET


class Layer(Struct):
    kind: str
    shape: list[Count]
    parameters: Count


class Network(Struct):
    parameters: Count | UnsetType = UNSET
    summary: str | UnsetType = UNSET
    layers: list[Layer] | UnsetType = UNSET


Size = Annotated[int, Meta(ge=1, le=2**24)]


class Parameters(Struct):
    """Those that name sizes; the others are checked by the model that they are of."""

    hidden_layer_sizes: list[Size] | Size | UnsetType = UNSET
    hidden_size: Size | UnsetType = UNSET
    layers: Annotated[int, Meta(ge=1, le=2**10)] | UnsetType = UNSET
    width: Size | UnsetType = UNSET
    latent_size: Size | None | UnsetType = UNSET
    batch_size: Annotated[int, Meta(ge=1, le=2**22)] | str | None | UnsetType = UNSET
    image_size: Annotated[int, Meta(ge=1, le=2**14)] | list[Annotated[int, Meta(ge=1, le=2**14)]] | None | UnsetType = (
        UNSET
    )
    beam: Annotated[int, Meta(ge=1, le=2**12)] | UnsetType = UNSET
    longest: Few | None | UnsetType = UNSET
    ahead: Size | None | UnsetType = UNSET
    back: Size | UnsetType = UNSET
    season: Size | None | UnsetType = UNSET
    window: Size | None | UnsetType = UNSET
    critic_steps: Few | None | UnsetType = UNSET
    restarts: Annotated[int, Meta(ge=1, le=2**10)] | None | UnsetType = UNSET
    threads: Few | None | UnsetType = UNSET
    steps: Count | None | UnsetType = UNSET
    max_iter: Count | None | UnsetType = UNSET
    checkpoint_every: Count | None | UnsetType = UNSET


class Remedy(Struct):
    name: str
    step: Count
    finding: str
    parameters: dict[str, Any]


class Restarts(Struct):
    tried: list[dict[str, float | None]]
    chosen: Count
    steps: Count


class Run(Struct):
    """run.json."""

    kind: str | UnsetType = UNSET
    title: str | UnsetType = UNSET
    parameters: dict[str, Any] | UnsetType = UNSET
    custom: list[str] | UnsetType = UNSET
    settings: dict[str, Any] | UnsetType = UNSET
    seed: Annotated[int, Meta(ge=0)] | UnsetType = UNSET
    created: str | UnsetType = UNSET
    versions: dict[str, str] | UnsetType = UNSET
    machine: dict[str, str | int | None] | UnsetType = UNSET
    place: Place | UnsetType = UNSET
    data: Data | UnsetType = UNSET
    networks: dict[str, Network] | None | UnsetType = UNSET
    steps: Count | UnsetType = UNSET
    steps_per_epoch: Count | UnsetType = UNSET
    command: list[str] | None | UnsetType = UNSET
    sessions: list[Session] | UnsetType = UNSET
    status: str | None | UnsetType = UNSET
    failure: str | None | UnsetType = UNSET
    recipe: str | None | UnsetType = UNSET
    latent_size: Annotated[int, Meta(ge=1, le=2**31)] | UnsetType = UNSET
    remedies: list[Remedy] | None | UnsetType = UNSET
    best_step: Count | None | UnsetType = UNSET
    looks: Count | None | UnsetType = UNSET
    looking: Seconds | None | UnsetType = UNSET
    probes: Count | None | UnsetType = UNSET
    probing: Seconds | None | UnsetType = UNSET
    best_epoch: Count | None | UnsetType = UNSET
    epochs_played: Count | None | UnsetType = UNSET
    restarts: Restarts | None | UnsetType = UNSET
    start: str | None | UnsetType = UNSET
    starts: list[dict[str, Any]] | UnsetType = UNSET
    schema: dict[str, Any] | UnsetType = UNSET
    schemas: dict[str, dict[str, Any]] | UnsetType = UNSET
    inputs: dict[str, Any] | UnsetType = UNSET
    targets: dict[str, Any] | None | UnsetType = UNSET
    coding: dict[str, Any] | UnsetType = UNSET


class State(Struct):
    """checkpoint/step-.../state.json."""

    format: str
    step: Count
    checksum: str
    parts: dict[str, dict[str, Any]]


class Evidence(Struct, forbid_unknown_fields=True):
    name: str
    value: float | None
    normal: str


class Finding(Struct, forbid_unknown_fields=True):
    """A line of findings.jsonl."""

    name: str
    severity: Literal["failure", "warning"]
    since: Count
    seen: Count
    evidence: list[Evidence]
    until: Count | None = None


class Sum(Struct):
    """bytes: how many of a file's first ones; None: all. sums: the checksums that it may have."""

    sums: list[str]
    bytes: Count | None = None


class Sums(Struct):
    """checksums.json."""

    files: dict[str, Sum]
