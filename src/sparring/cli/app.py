"""The commands. Each says what it did, where the result is, and what to run next."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter

from sparring import __version__

__all__ = [
    "FitOptions",
    "app",
    "classifier",
    "demo",
    "distance",
    "filter_",
    "gan",
    "judge",
    "predict",
    "regressor",
    "report",
    "resume",
    "sample",
    "show",
]

app = App(
    name="sparring",
    version=__version__,
    suppress_keyboard_interrupt=False,  # an Interrupted run says how to go on
    help="Train neural networks on your own data, alone or against each other, and judge them honestly.\n\n"
    "Start with: sparring demo",
)
fit = App(name="fit", help="Train a model on a file or folder.")
app.command(fit)

# the names in filters.KERNELS, which would load SciPy here
KERNEL_NAMES = "identity, box-blur, gaussian-blur, sharpen, sobel-x, sobel-y, laplacian, emboss, edge-detection"
Json = Annotated[bool, Parameter(negative=(), help="Print the result as JSON.")]
Seed = Annotated[int | None, Parameter(help="Decides every random draw; none: a fresh one.")]
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
    Parameter(help="The column to predict; for arrays, the file or the array of an .npz that holds the targets."),
]
Labelled = Annotated[
    str,
    Parameter(
        help="A .csv, a folder with one sub-folder of images per class, .npz, .npy or IDX; or demo:digits, "
        "demo:breast-cancer, demo:wine, demo:iris, demo:diabetes."
    ),
]
Threads = Annotated[int | None, Parameter(help="Processor threads; none: chosen by the size of the networks.")]


@app.command
def demo(
    *,
    run: Annotated[Path | None, Parameter(help="Run folder [default: demo, demo-2, ...].")] = None,
    seed: Seed = 0,
    steps: Annotated[int | None, Parameter(help="Rounds of training; none: enough for good digits.")] = None,
    threads: Threads = None,
    json: Json = False,
) -> None:
    """Train a GAN on 1,797 real handwritten digits, judge it on held-out ones, and write a report.

    About a minute on two cores.
    """
    from sparring.cli import actions

    folder = run or actions.free_folder(Path("demo"))
    actions.fit_gan("demo:digits", folder, {"steps": steps, "random_state": seed, "threads": threads}, json)


@fit.command
def gan(
    data: Annotated[
        str, Parameter(help="A folder of images, .npy, .npz, .csv, IDX file, or demo:digits, demo:ring, demo:grid.")
    ],
    /,
    *,
    run: Run = None,
    recipe: Annotated[
        Literal["r3gan", "nonsaturating", "wgan-gp", "hinge", "pacgan", "wgan", "lsgan", "dcgan", "gan-2014"],
        Parameter(help="How the two networks learn."),
    ] = "r3gan",
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
    image_size: Annotated[int | None, Parameter(help="Side in pixels for a folder of images.")] = None,
    checkpoint_every: Annotated[int | None, Parameter(help="Steps between saves; none: every half minute.")] = None,
    seed: Seed = None,
    device: Annotated[str, Parameter(help="auto, cpu, cuda or cuda:N.")] = "auto",
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
        "image_size": image_size,
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
        Parameter(name=("--learning-rate-init", "--rate"), help="Step size [default: 0.001; images 0.003]."),
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
    checkpoint_every: Annotated[int | None, Parameter(help="Steps between saves; none: every half minute.")] = None
    seed: Seed = None
    device: Annotated[str, Parameter(help="auto, cpu, cuda or cuda:N.")] = "auto"
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    threads: Threads = None
    json: Json = False

    def parameters(self) -> dict[str, Any]:
        """As the estimators call them."""
        chosen = asdict(self)
        for name in ("run", "json"):
            del chosen[name]
        chosen |= {"random_state": chosen.pop("seed"), "validation_fraction": chosen.pop("held_out")}
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


@app.command
def resume(
    run: Annotated[Path, Parameter(help="The run's folder.")],
    /,
    *,
    data: Annotated[str | None, Parameter(help="The data, if they are no longer where they were.")] = None,
    json: Json = False,
) -> None:
    """Go on with a run that was stopped or killed, to the same bits as if it never had been."""
    from sparring.cli import actions

    actions.resume(run, data, json)


@app.command
def sample(
    run: Annotated[Path, Parameter(help="A run's or saved model's folder.")],
    /,
    *,
    n: Annotated[
        int | None,
        Parameter(name=("-n", "--count"), help="How many [default: 100; with --interpolate: ways, 8]."),
    ] = None,
    output: Annotated[
        Path,
        Parameter(name=("-o", "--output"), help="A .npy, .npz, .csv, a .png (one picture), or a new folder of PNGs."),
    ],
    label: Annotated[str | None, Parameter(help="The class to make samples of, if classes were learned.")] = None,
    shares: Annotated[
        str | None,
        Parameter(help="Of the classes: balanced, or CLASS=SHARE,CLASS=SHARE [default: as in the data]."),
    ] = None,
    latent: Annotated[Path | None, Parameter(help="An .npy with the noise to use, (n, latent_size).")] = None,
    interpolate: Annotated[
        int | None, Parameter(help="Make so many samples on the way from one sample to another, for each of n ways.")
    ] = None,
    seed: Seed = None,
    json: Json = False,
) -> None:
    """Make new samples with a trained model."""
    from sparring.cli import sampling

    sampling.sample(run, n, output, {"label": label, "shares": shares, "latent": latent}, interpolate, seed, json)


@app.command
def predict(
    run: Annotated[Path, Parameter(help="The folder of a classifier's or regressor's run.")],
    data: Annotated[str, Parameter(help="Rows or images like those it learned from; other columns are passed over.")],
    /,
    *,
    output: Annotated[
        Path | None, Parameter(name=("-o", "--output"), help="The .csv or .npy to write [default: print as CSV].")
    ] = None,
    json: Json = False,
) -> None:
    """Answer for new rows or images with a trained classifier or regressor."""
    from sparring.cli import actions

    actions.predict(run, data, output, json)


@app.command
def judge(
    run: Annotated[Path, Parameter(help="A run's or saved model's folder.")],
    /,
    *,
    data: Annotated[str, Parameter(help="Held-out data, which the model has not seen.")],
    target: Annotated[
        str | None, Parameter(help="Where the targets are, for a classifier or regressor [default: as it learned].")
    ] = None,
    train: Annotated[str | None, Parameter(help="The training data, if they are no longer where they were.")] = None,
    seed: Annotated[int, Parameter(help="Decides the draws.")] = 0,
    json: Json = False,
) -> None:
    """Judge a GAN's samples, or a classifier's or regressor's answers, by data that it has not seen."""
    from sparring.cli import actions

    actions.judge(run, data, target, train, seed, json)


@app.command
def distance(
    first: Annotated[
        str, Parameter(help="A .csv, .npy, .npz, a folder of images (a set of points), or one picture (grey as mass).")
    ],
    second: Annotated[str, Parameter(help="Another of the same kind.")],
    /,
    *,
    p: Annotated[float, Parameter(name=("-p", "--power"), help="Of the distance: 1 or more.")] = 1.0,
    metric: Annotated[Literal["euclidean", "cityblock", "chebyshev"], Parameter(help="Between two points.")] = (
        "euclidean"
    ),
    method: Annotated[
        Literal["auto", "simplex", "assignment", "line", "program"], Parameter(help="All are exact, and agree.")
    ] = "auto",
    columns: Annotated[
        list[str] | None, Parameter(consume_multiple=True, negative=(), help="Of CSV files; the others are left out.")
    ] = None,
    standardise: Annotated[
        bool, Parameter(negative=(), help="Measure each column in standard deviations of the first's.")
    ] = False,
    mass: Annotated[
        bool, Parameter(negative=(), help="The numbers are masses on a grid (histograms), not points.")
    ] = False,
    image_size: Annotated[int | None, Parameter(help="Side in pixels to which images are scaled.")] = None,
    floor: Annotated[
        bool, Parameter(negative=(), help="Also the distance between two parts of the first, at the same size.")
    ] = False,
    interval: Annotated[
        bool, Parameter(negative=(), help="Also where the distance would fall for new samples (bootstrap).")
    ] = False,
    samples: Annotated[
        int | None, Parameter(help="Measure draws of so many points only, beside their floor; for large sets.")
    ] = None,
    sliced: Annotated[
        int | None, Parameter(help="The sliced distance along so many random lines instead; for large sets.")
    ] = None,
    plot: Annotated[
        Path | None, Parameter(help="Draw the plan, for points of one or two columns: a .png, .svg or .pdf.")
    ] = None,
    seed: Annotated[int, Parameter(help="Decides random draws.")] = 0,
    json: Json = False,
) -> None:
    """Measure how far two data sets are from each other: the exact Wasserstein distance, with its proof."""
    from sparring.cli.measuring import measure

    chosen = {
        "p": p,
        "metric": metric,
        "method": method,
        "columns": columns or (),
        "standardise": standardise,
        "mass": mass,
        "image_size": image_size,
        "floor": floor,
        "interval": interval,
        "samples": samples,
        "sliced": sliced,
        "plot": plot,
        "seed": seed,
    }
    measure(first, second, chosen, json)


@app.command(name="filter")
def filter_(
    image: Annotated[Path, Parameter(help="A picture of any common format.")],
    /,
    *,
    kernel: Annotated[str, Parameter(help=f"{KERNEL_NAMES}; or a file of numbers with commas.")],
    output: Annotated[Path, Parameter(name=("-o", "--output"), help="The picture to write.")],
    repeat: Annotated[int, Parameter(help="How often to filter.")] = 1,
    json: Json = False,
) -> None:
    """Convolve a picture with a kernel: blur it, sharpen it, find its edges."""
    from sparring.cli.filtering import filter_image

    filter_image(image, kernel, output, repeat, json)


@app.command
def report(run: Annotated[Path, Parameter(help="The run's folder.")], /, *, json: Json = False) -> None:
    """Write a run's report: one self-contained HTML file."""
    from sparring.cli import actions

    actions.report(run, json)


@app.command
def show(run: Annotated[Path, Parameter(help="The run's folder.")], /, *, json: Json = False) -> None:
    """Show a run in the terminal: its state, its layers, how good it is, and a small picture of samples."""
    from sparring.cli import actions

    actions.show(run, json)
