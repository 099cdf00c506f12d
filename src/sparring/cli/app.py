"""The commands. Each says what it did, where the result is, and what to run next."""

from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter

from sparring import __version__

__all__ = ["app", "demo", "filter_", "gan", "judge", "report", "resume", "sample", "show"]

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
    data: Annotated[str, Parameter(help="A folder of images, .npy, .npz, .csv, or demo:digits, demo:ring, demo:grid.")],
    /,
    *,
    run: Annotated[
        Path | None,
        Parameter(
            # torchrun would take --run for a short form of one of its own options
            name=("--run", "--run-folder"),
            help="New folder for the run [default: runs/NAME-1, -2, ...]; under torchrun write --run-folder.",
        ),
    ] = None,
    recipe: Annotated[
        Literal["r3gan", "nonsaturating", "wgan-gp", "gan-2014"], Parameter(help="How the two networks learn.")
    ] = "r3gan",
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
    actions.fit_gan(data, run or actions.default_folder(data), chosen, json)


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
    n: Annotated[int, Parameter(name=("-n", "--count"), help="How many.")] = 100,
    output: Annotated[
        Path,
        Parameter(name=("-o", "--output"), help="A .npy, .npz, .csv, a .png (one picture), or a new folder of PNGs."),
    ],
    seed: Seed = None,
    json: Json = False,
) -> None:
    """Make new samples with a trained model."""
    from sparring.cli import actions

    actions.sample(run, n, output, seed, json)


@app.command
def judge(
    run: Annotated[Path, Parameter(help="A run's or saved model's folder.")],
    /,
    *,
    data: Annotated[str, Parameter(help="Held-out data, which the model has not seen.")],
    train: Annotated[str | None, Parameter(help="The training data, if they are no longer where they were.")] = None,
    seed: Annotated[int, Parameter(help="Decides the draws.")] = 0,
    json: Json = False,
) -> None:
    """Judge a model's samples against held-out data, every figure beside its noise floor."""
    from sparring.cli import actions

    actions.judge(run, data, train, seed, json)


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
    """Show a run in the terminal: its state, the verdict, and a small picture of the samples."""
    from sparring.cli import actions

    actions.show(run, json)
