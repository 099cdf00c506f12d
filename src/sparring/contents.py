"""What the JSON files of a run folder may hold: the types that they are held against when they are read.

Everything may be absent here, since a record may say little; who needs a thing asks for it. What is there has the type
and the bounds that the code relies on. Unknown keys are left to later versions.
"""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

__all__ = [
    "Column",
    "Count",
    "Data",
    "Direction",
    "Evidence",
    "Few",
    "Figure",
    "Finding",
    "Layer",
    "Network",
    "Pair",
    "Parameters",
    "Pixels",
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
    "Verdict",
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

    description: str | None = None
    path: str | None = None
    fingerprint: str | None = None
    rows_train: Count | None = None
    rows_held_out: Count | None = None
    target: str | bool | None = None
    validation_data: bool | None = None
    named: bool | None = None


class Data(Side):
    A: Side | None = None
    B: Side | None = None


class Layer(Struct):
    kind: str
    shape: list[Count]
    parameters: Count


class Network(Struct):
    parameters: Count | None = None
    summary: str | None = None
    layers: list[Layer] | None = None


Size = Annotated[int, Meta(ge=1, le=2**24)]
Pixels = Annotated[int, Meta(ge=1, le=2**14)]


class Parameters(Struct):
    """Those that name sizes; the others are checked by the model that they are of."""

    hidden_layer_sizes: list[Size] | Size | None = None
    hidden_size: Size | None = None
    layers: Annotated[int, Meta(ge=1, le=2**10)] | None = None
    width: Size | None = None
    latent_size: Size | None = None
    batch_size: Annotated[int, Meta(ge=1, le=2**22)] | str | None = None
    image_size: Pixels | list[Pixels] | None = None
    beam: Annotated[int, Meta(ge=1, le=2**12)] | None = None
    longest: Few | None = None
    ahead: Size | None = None
    back: Size | None = None
    season: Size | None = None
    window: Size | None = None
    critic_steps: Few | None = None
    restarts: Annotated[int, Meta(ge=1, le=2**10)] | None = None
    threads: Few | None = None
    steps: Count | None = None
    max_iter: Count | None = None
    checkpoint_every: Count | None = None


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

    kind: str | None = None
    title: str | None = None
    parameters: dict[str, Any] | None = None
    custom: list[str] | None = None
    settings: dict[str, Any] | None = None
    seed: Annotated[int, Meta(ge=0)] | None = None
    created: str | None = None
    versions: dict[str, str] | None = None
    machine: dict[str, str | int | None] | None = None
    place: Place | None = None
    data: Data | None = None
    networks: dict[str, Network] | None = None
    steps: Count | None = None
    steps_per_epoch: Count | None = None
    command: list[str] | None = None
    sessions: list[Session] | None = None
    status: str | None = None
    failure: str | None = None
    recipe: str | None = None
    latent_size: Annotated[int, Meta(ge=1, le=2**31)] | None = None
    remedies: list[Remedy] | None = None
    best_step: Count | None = None
    looks: Count | None = None
    looking: Seconds | None = None
    probes: Count | None = None
    probing: Seconds | None = None
    best_epoch: Count | None = None
    epochs_played: Count | None = None
    restarts: Restarts | None = None
    start: str | None = None
    starts: list[dict[str, Any]] | None = None
    schema: dict[str, Any] | None = None
    schemas: dict[str, dict[str, Any]] | None = None
    inputs: dict[str, Any] | None = None
    targets: dict[str, Any] | None = None
    coding: dict[str, Any] | None = None


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
    cure: str = ""


class Figure(Struct):
    """As the page shows it; the judge's own type is narrower."""

    name: str
    value: float | None = None
    floor: float | None = None
    interval: tuple[float | None, float | None] | None = None
    better: str | None = None
    grade: str | None = None
    meaning: str | None = None


class Column(Struct):
    name: str | int
    apart: Figure
    kind: str | None = None
    missing: Figure | None = None


class Pair(Struct):
    names: tuple[str | int, str | int]
    apart: Figure


class Verdict(Struct):
    """verdict.json, of samples or of translations."""

    figures: list[Figure] = field(default_factory=list)
    summary: str | None = None
    space: str | None = None
    notes: list[str] | None = None
    columns: list[Column] | None = None
    pairs: list[Pair] | None = None
    compared: dict[str, int] | None = None
    samples: Count | None = None
    draws: Count | None = None
    seconds: float | None = None
    directions: list["Direction"] | None = None


class Direction(Struct):
    """truth: the judge's own type says what is in it."""

    name: str
    verdict: Verdict
    cycle_error: float | None = None
    unit: str | None = None
    truth: dict[str, Any] | None = None


class Sum(Struct):
    """bytes: how many of a file's first ones; None: all. sums: the checksums that it may have."""

    sums: list[str]
    bytes: Count | None = None


class Sums(Struct):
    """checksums.json."""

    files: dict[str, Sum]
