"""sparring fit: a command for each kind of model."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter

from sparring.cli.options import Json, LeaveOut, SchemaFile, Seed, Threads

__all__ = ["FitOptions", "classifier", "fit", "gan", "regressor"]

fit = App(name="fit", help="Train a model on a file or folder.")
Run = Annotated[
    Path | None,
    Parameter(
        # torchrun would take --run for a short form of one of its own options
        name=("--run", "--run-folder"),
        help="New folder for the run [default: runs/NAME-1, -2, ...]; under torchrun write --run-folder.",
    ),
]
Target = Annotated[
    str | None,
    Parameter(
        name=("--target", "--y"),
        help="The column to predict; for arrays, the file or the array of an .npz that holds the targets.",
    ),
]
Labelled = Annotated[
    str,
    Parameter(
        help="A .csv or .parquet, a folder with one sub-folder of images per class, .npz, .npy or IDX; or demo:digits, "
        "demo:breast-cancer, demo:wine, demo:iris, demo:diabetes."
    ),
]


@fit.command
def gan(
    data: Annotated[
        str, Parameter(help="A folder of images, .npy, .npz, .csv, IDX file, or demo:digits, demo:ring, demo:grid.")
    ],
    /,
    *,
    run: Run = None,
    recipe: Annotated[
        Literal["auto", "r3gan", "nonsaturating", "wgan-gp", "hinge", "pacgan", "wgan", "lsgan", "dcgan", "gan-2014"],
        Parameter(help="How the two networks learn. auto: r3gan; on images of more than 16 pixels nonsaturating."),
    ] = "auto",
    set_: Annotated[
        list[str] | None,
        Parameter(
            name="--set",
            negative=(),
            help="Change a setting of the recipe, as NAME=VALUE; may be repeated. objective=hinge, penalties=r1:0.5, "
            "networks=residual, noise=uniform, optimizer=rmsprop, pack=2, clip=0.01, spectral=true, hold=1, ...",
        ),
    ] = None,
    target: Annotated[
        str | None, Parameter(help="Learn the classes too: the column, or the file, that holds them.")
    ] = None,
    classes: Annotated[
        bool,
        Parameter(
            negative=(),
            help="Learn the classes that come with the data: sub-folders, y of an .npz, labels beside an IDX file.",
        ),
    ] = False,
    kind: Annotated[
        Literal["auto", "table", "image", "signal"],
        Parameter(help="Of the data; signal: rows whose columns follow each other in time."),
    ] = "auto",
    flip: Annotated[bool, Parameter(negative=(), help="Learn images also turned round from left to right.")] = False,
    early_stopping: Annotated[
        bool, Parameter(negative=(), help="Keep the best generator by held-out rows, and stop when none is better.")
    ] = False,
    stop_on: Annotated[Literal["w1", "coverage"], Parameter(help="What it is the best by.")] = "w1",
    n_iter_no_change: Annotated[
        int, Parameter(name=("--n-iter-no-change", "--patience"), help="Looks without a better one before it stops.")
    ] = 10,
    steps: Annotated[int | None, Parameter(help="Rounds of training.")] = None,
    batch_size: Annotated[int | None, Parameter(help="Rows per turn.")] = None,
    latent_size: Annotated[int | None, Parameter(help="Length of the noise vector.")] = None,
    learning_rate: Annotated[float | None, Parameter(help="The critic's; the generator's in proportion.")] = None,
    critic_steps: Annotated[int | None, Parameter(help="k of Algorithm 1: the critic's turns per round.")] = None,
    held_out: Annotated[
        float | None,
        Parameter(help="Share of rows kept back for the verdict; 0: none [default: a tenth of 200 or more]."),
    ] = None,
    probes: Annotated[bool, Parameter(help="Measure the game as it is played, to find failures.")] = True,
    on_trouble: Annotated[
        Literal["warn", "stop", "remedy"],
        Parameter(help="What to do about a failure that is found: say it, stop the run, or change the game."),
    ] = "warn",
    image_size: Annotated[int | None, Parameter(help="Side in pixels for a folder of images.")] = None,
    leave_out: LeaveOut = None,
    schema: SchemaFile = None,
    checkpoint_every: Annotated[int | None, Parameter(help="Steps between saves; none: every half minute.")] = None,
    seed: Seed = None,
    device: Annotated[str, Parameter(help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
    precision: Literal["auto", "float32", "bfloat16"] = "auto",
    threads: Threads = None,
    json: Json = False,
) -> None:
    """Train a generative adversarial network, which makes more data like the data given.

    What is not set is chosen by the recipe and the kind of data.
    """
    from sparring.cli import actions

    chosen: dict[str, Any] = {
        "recipe": recipe,
        "changes": actions.changes_of(set_ or []) or None,
        "kind": kind,
        "flip": flip,
        "early_stopping": early_stopping,
        "stop_on": stop_on,
        "n_iter_no_change": n_iter_no_change,
        "steps": steps,
        "batch_size": batch_size,
        "latent_size": latent_size,
        "learning_rate": learning_rate,
        "critic_steps": critic_steps,
        "validation_fraction": held_out,
        "probes": probes,
        "on_trouble": on_trouble,
        "image_size": image_size,
        "leave_out": tuple(leave_out or ()),
        "schema": None if schema is None else str(schema),
        "checkpoint_every": checkpoint_every,
        "random_state": seed,
        "device": device,
        "precision": precision,
        "threads": threads,
    }
    actions.fit_gan(data, run or actions.default_folder(data), chosen, json, True if classes else target)


@Parameter(name="*")
@dataclass(frozen=True)
class FitOptions:
    """What a classifier and a regressor share."""

    run: Run = None
    hidden_layer_sizes: Annotated[
        tuple[int, ...], Parameter(consume_multiple=True, negative=(), help="Units of each hidden layer, for tables.")
    ] = (100,)
    activation: Annotated[
        Literal["relu", "tanh", "logistic", "silu", "identity"], Parameter(help="Of the hidden units.")
    ] = "relu"
    solver: Annotated[Literal["adam", "sgd"], Parameter(help="How the weights are updated.")] = "adam"
    learning_rate_init: Annotated[
        float | None,
        Parameter(
            name=("--learning-rate-init", "--rate"),
            help="Step size [default: 0.001; images 0.003; mixed tables up to 0.0026].",
        ),
    ] = None
    learning_rate: Annotated[
        Literal["auto", "constant", "cosine"], Parameter(help="How the rate changes; auto: cosine for images.")
    ] = "auto"
    momentum: Annotated[float, Parameter(help="For sgd.")] = 0.9
    batch_size: Annotated[int | None, Parameter(help="Rows of a step [default: by the number of rows].")] = None
    max_iter: Annotated[
        int | None, Parameter(name=("--max-iter", "--epochs"), help="Passes over the data [default: 200; images 20].")
    ] = None
    tol: Annotated[float, Parameter(help="A fall of the error that counts.")] = 1e-4
    l1: Annotated[float, Parameter(help="Weight of the sum of absolute weights; makes weights exactly zero.")] = 0.0
    l2: Annotated[float, Parameter(help="Half the weight of the sum of squared weights.")] = 0.0
    dropout: Annotated[
        float | None, Parameter(help="Share of hidden units left out while training [default: 0; images 0.3].")
    ] = None
    early_stopping: Annotated[
        bool | None, Parameter(help="Stop when the validation error stalls, and keep the best [default: for tables].")
    ] = None
    n_iter_no_change: Annotated[
        int, Parameter(name=("--n-iter-no-change", "--patience"), help="Epochs without a fall before it stops.")
    ] = 10
    held_out: Annotated[float, Parameter(help="Share of rows kept back to measure by; 0: none.")] = 0.1
    image_size: Annotated[int | None, Parameter(help="Side in pixels for a folder of images.")] = None
    leave_out: LeaveOut = None
    schema: SchemaFile = None
    checkpoint_every: Annotated[int | None, Parameter(help="Steps between saves; none: every half minute.")] = None
    seed: Seed = None
    device: Annotated[str, Parameter(help="auto, cpu, cuda, cuda:N or mps.")] = "auto"
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    threads: Threads = None
    json: Json = False

    def parameters(self) -> dict[str, Any]:
        """As the estimators call them."""
        chosen = asdict(self)
        for name in ("run", "json"):
            del chosen[name]
        chosen |= {"random_state": chosen.pop("seed"), "validation_fraction": chosen.pop("held_out")}
        chosen |= {"leave_out": tuple(self.leave_out or ()), "schema": self.schema and str(self.schema)}
        return {**chosen, "batch_size": self.batch_size or "auto"}


@fit.command
def classifier(
    data: Labelled,
    /,
    *,
    target: Target = None,
    class_weight: Annotated[Literal["balanced"] | None, Parameter(help="Let rare classes count as much.")] = None,
    options: FitOptions = FitOptions(),
) -> None:
    """Train a network that says which class a row or an image is of.

    A tenth of the rows is kept back; the report shows how it does on them.
    """
    from sparring.cli import actions

    chosen = {**options.parameters(), "class_weight": class_weight}
    actions.fit_supervised(
        "classifier", data, target, options.run or actions.default_folder(data), chosen, options.json
    )


@fit.command
def regressor(data: Labelled, /, *, target: Target = None, options: FitOptions = FitOptions()) -> None:
    """Train a network that predicts a number for a row or an image.

    A tenth of the rows is kept back; the report shows how it does on them.
    """
    from sparring.cli import actions

    folder = options.run or actions.default_folder(data)
    actions.fit_supervised("regressor", data, target, folder, options.parameters(), options.json)
