"""sparring fit cyclegan."""

from typing import Annotated, Literal

from cyclopts import Parameter

from sparring.cli.fit import Run, fit
from sparring.cli.options import Json, LeaveOut, Seed, Threads

__all__ = ["cyclegan"]

OfBoth = "one number, or two with a comma, one for each side; 0 is not computed"


@fit.command
def cyclegan(
    a: Annotated[str, Parameter(help="A: a folder of images, .npy, .npz, .csv or .parquet.")],
    b: Annotated[str, Parameter(help="B: others of the same kind and size; which belongs to which need not be known.")],
    /,
    *,
    run: Run = None,
    objective: Annotated[
        Literal["least-squares", "non-saturating", "minimax", "hinge", "wasserstein", "relativistic"] | None,
        Parameter(help="Of the critics' games [default: relativistic]."),
    ] = None,
    adversarial: Annotated[
        str | None, Parameter(help=f"Weights of the critics' judgement, A to B and B to A: {OfBoth}.")
    ] = None,
    cycle: Annotated[str | None, Parameter(help=f"Weights of |F(G(a)) - a| and |G(F(b)) - b|: {OfBoth}.")] = None,
    identity: Annotated[
        str | None, Parameter(help=f"Weights of |F(a) - a| and |G(b) - b|: {OfBoth} [default: 0].")
    ] = None,
    buffer: Annotated[int | None, Parameter(help="Past fakes that each critic is shown again.")] = None,
    set_: Annotated[
        list[str] | None,
        Parameter(
            name="--set",
            negative=(),
            help="Change another setting, as NAME=VALUE; may be repeated. width=64, blocks=9, halvings=2, "
            "norm=instance, depth=3, critic_rate=0.001, hold=0.5, half_life=100, ...",
        ),
    ] = None,
    align: Annotated[
        bool, Parameter(help="Begin at the simple map that brings A nearest to B by exact optimal transport.")
    ] = True,
    restarts: Annotated[
        int | None,
        Parameter(help="Short games, the best of which is gone on with [default: 4 for tables of numbers, else 1]."),
    ] = None,
    restart_steps: Annotated[int | None, Parameter(help="Steps of a short game [default: a quarter].")] = None,
    steps: Annotated[int | None, Parameter(help="Rounds of training.")] = None,
    batch_size: Annotated[int | None, Parameter(help="Rows of each side per turn.")] = None,
    learning_rate: Annotated[float | None, Parameter(help="The generators'; the critics' in proportion.")] = None,
    kind: Annotated[
        Literal["auto", "table", "image", "signal"],
        Parameter(help="Of the data; signal: rows whose columns follow each other in time."),
    ] = "auto",
    image_size: Annotated[int | None, Parameter(help="Side in pixels for folders of images.")] = None,
    leave_out: LeaveOut = None,
    held_out: Annotated[float | None, Parameter(help="Share of rows kept back for the verdict [default: 0].")] = 0.0,
    probes: Annotated[bool, Parameter(help="Measure the game as it is played, to find failures.")] = True,
    on_trouble: Annotated[
        Literal["warn", "stop"], Parameter(help="What to do about a failure that is found: say it, or stop the run.")
    ] = "warn",
    checkpoint_every: Annotated[int | None, Parameter(help="Steps between saves; none: every half minute.")] = None,
    seed: Seed = None,
    device: Annotated[str, Parameter(help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
    precision: Literal["auto", "float32", "bfloat16"] = "auto",
    threads: Threads = None,
    json: Json = False,
) -> None:
    """Train a CycleGAN, which translates between two collections without pairs: sparring translate uses it.

    What is not set is chosen by the kind of data.
    """
    from sparring.cli import actions, translating

    chosen = {
        "objective": objective,
        **{
            name: translating.weights(name, value)
            for name, value in (("adversarial", adversarial), ("cycle", cycle), ("identity", identity))
        },
        "buffer": buffer,
        "changes": actions.changes_of(set_ or []) or None,
        "align": align,
        "restarts": restarts,
        "restart_steps": restart_steps,
        "steps": steps,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "kind": kind,
        "image_size": image_size,
        "leave_out": tuple(leave_out or ()),
        "validation_fraction": held_out,
        "probes": probes,
        "on_trouble": on_trouble,
        "checkpoint_every": checkpoint_every,
        "random_state": seed,
        "device": device,
        "precision": precision,
        "threads": threads,
    }
    translating.fit_cyclegan(a, b, run or actions.default_folder(a), chosen, json)
