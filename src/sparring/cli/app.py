"""The commands. Each says what it did, where the result is, and what to run next."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from sparring import __version__
from sparring.cli import cycles, sequences
from sparring.cli.fit import fit
from sparring.cli.options import Json, Seed, Threads

__all__ = [
    "app",
    "complete",
    "demo",
    "diagnose",
    "distance",
    "filter_",
    "judge",
    "predict",
    "report",
    "resume",
    "sample",
    "schema",
    "show",
    "translate",
]

app = App(
    name="sparring",
    version=__version__,
    suppress_keyboard_interrupt=False,  # an Interrupted run says how to go on
    help="Train neural networks on your own data, alone or against each other, and judge them honestly.\n\n"
    "Start with: sparring demo",
)
app.command(fit)
assert cycles.fit is sequences.fit is fit  # their commands are there because they are imported

# the names in filters.KERNELS, which would load SciPy here
KERNEL_NAMES = "identity, box-blur, gaussian-blur, sharpen, sobel-x, sobel-y, laplacian, emboss, edge-detection"


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


@app.command
def resume(
    run: Annotated[Path, Parameter(help="The run's folder.")],
    /,
    *,
    data: Annotated[
        list[str] | None,
        Parameter(
            consume_multiple=True,
            negative=(),
            help="The data, if they are no longer where they were; a CycleGAN's: A B.",
        ),
    ] = None,
    apply: Annotated[
        Literal["default-game", "another-seed", "lower-rates"] | None,
        Parameter(help="A remedy for a GAN that fails: it changes the game from here on."),
    ] = None,
    json: Json = False,
) -> None:
    """Go on with a run that was stopped or killed, to the same bits as if it never had been."""
    from sparring.cli import actions

    actions.resume(run, data, apply, json)


@app.command
def schema(
    data: Annotated[str, Parameter(help="A CSV (or .tsv, .txt) or Parquet file.")],
    /,
    *,
    output: Annotated[
        Path | None, Parameter(name=("-o", "--output"), help="A TOML file to correct, for sparring fit gan --schema.")
    ] = None,
    leave_out: Annotated[list[str] | None, Parameter(help="Columns to pass over.")] = None,
    json: Json = False,
) -> None:
    """Say what the columns of a table are, and what holds in every row, before a GAN learns it."""
    from sparring.cli import tables

    tables.schema(data, output, leave_out or [], json)


@app.command
def complete(
    run: Annotated[Path, Parameter(help="A run's or saved model's folder, of a GAN of tables.")],
    rows: Annotated[str, Parameter(help="A table with missing values: a CSV (or .tsv, .txt) or Parquet file.")],
    /,
    *,
    output: Annotated[Path, Parameter(name=("-o", "--output"), help="A .csv or .parquet.")],
    columns: Annotated[list[str] | None, Parameter(help="Columns to fill [default: all].")] = None,
    seed: Seed = None,
    json: Json = False,
) -> None:
    """Fill a table's missing values with those of made rows that are like its rows in all that is known."""
    from sparring.cli import tables

    tables.complete(run, rows, output, columns, seed, json)


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
        Parameter(
            name=("-o", "--output"),
            help="A .npy, .npz, .csv, .parquet, a .png (one picture), or a new folder of PNGs; texts: .txt; music: "
            ".mid, or a new folder of them.",
        ),
    ],
    where: Annotated[
        list[str] | None,
        Parameter(help="Of a table, rows alone that are so: COLUMN=VALUE, COLUMN=VALUE|VALUE or COLUMN=LOW..HIGH."),
    ] = None,
    label: Annotated[str | None, Parameter(help="The class to make samples of, if classes were learned.")] = None,
    shares: Annotated[
        str | None,
        Parameter(help="Of the classes: balanced, or CLASS=SHARE,CLASS=SHARE [default: as in the data]."),
    ] = None,
    latent: Annotated[Path | None, Parameter(help="An .npy with the noise to use, (n, latent_size).")] = None,
    interpolate: Annotated[
        int | None, Parameter(help="Make so many samples on the way from one sample to another, for each of n ways.")
    ] = None,
    prime: Annotated[
        str | None, Parameter(help="Of a sequence generator: how each begins; for music a file whose first steps are.")
    ] = None,
    length: Annotated[int | None, Parameter(help="Of sequences: steps, at most [default: 200].")] = None,
    temperature: Annotated[
        float | None, Parameter(help="Of sequences: below 1 the probable is drawn more often, 0: always.")
    ] = None,
    top_k: Annotated[int | None, Parameter(help="Of sequences: draw among so many most probable words only.")] = None,
    seed: Seed = None,
    json: Json = False,
) -> None:
    """Make new samples with a trained model: rows, images, texts (-o texts.txt) or music (-o tune.mid)."""
    from sparring.cli import sampling

    if sampling.writes_sequences(run):
        from sparring.cli.sequencing import write_works

        of_sequences = {"prime": prime, "length": length, "temperature": temperature, "top_k": top_k}
        write_works(run, n, output, of_sequences, seed, json)
        return
    wanted = {"label": label, "shares": shares, "latent": latent, "where": where}
    sampling.sample(run, n, output, wanted, interpolate, seed, json)


@app.command
def predict(
    run: Annotated[Path, Parameter(help="The folder of a classifier's, regressor's or tagger's run.")],
    data: Annotated[str, Parameter(help="Rows, images or sequences like those it learned from.")],
    /,
    *,
    output: Annotated[
        Path | None, Parameter(name=("-o", "--output"), help="The .csv or .npy to write [default: print as CSV].")
    ] = None,
    json: Json = False,
) -> None:
    """Answer for new rows, images, texts or signals with a trained model; a tagger tags every word."""
    from sparring.cli import actions

    actions.predict(run, data, output, json)


@app.command
def translate(
    run: Annotated[Path, Parameter(help="The folder of a CycleGAN's or a translator's run.")],
    data: Annotated[
        str,
        Parameter(help="A folder of pictures, one picture, .npy or .csv; texts: a file with a sentence on each line."),
    ],
    /,
    *,
    output: Annotated[
        Path | None,
        Parameter(
            name=("-o", "--output"),
            help="A new folder of PNGs, a .png, .npy or .csv; texts: the text file [default: print the lines].",
        ),
    ] = None,
    reverse: Annotated[bool, Parameter(negative=(), help="Of a CycleGAN: from B to A.")] = False,
    full_size: Annotated[
        bool, Parameter(negative=(), help="Of pictures: keep their sizes; large ones go through in overlapping tiles.")
    ] = False,
    beam: Annotated[int | None, Parameter(help="Hypotheses kept; 1: greedy [default: as it was fitted].")] = None,
    json: Json = False,
) -> None:
    """Translate pictures or rows with a CycleGAN, or a text file, line by line, with a translator."""
    from sparring.cli import translating

    translating.translate(run, data, output, reverse, full_size, beam, json)


@app.command
def judge(
    run: Annotated[Path, Parameter(help="A run's or saved model's folder; or samples: a file, or a folder of images.")],
    /,
    *,
    data: Annotated[
        list[str],
        Parameter(
            consume_multiple=True, negative=(), help="Held-out data, which the model has not seen; a CycleGAN's: A B."
        ),
    ],
    pairs: Annotated[
        bool, Parameter(negative=(), help="Of a CycleGAN: row for row, the held-out A and B belong to each other.")
    ] = False,
    target: Annotated[
        str | None, Parameter(help="Where the targets are, for a classifier or regressor [default: as it learned].")
    ] = None,
    train: Annotated[
        str | None, Parameter(help="The training data: for samples, or if a run's are no longer where they were.")
    ] = None,
    leave_out: Annotated[
        list[str] | None,
        Parameter(consume_multiple=True, negative=(), help="Columns of samples in a table to pass over: identifiers."),
    ] = None,
    seed: Annotated[int, Parameter(help="Decides the draws.")] = 0,
    markdown: Annotated[bool, Parameter(negative=(), help="Print the verdict as a table in Markdown.")] = False,
    json: Json = False,
) -> None:
    """Judge samples, translations or answers by data that the model has not seen."""
    from sparring.cli import judging

    options = {"target": target, "train": train, "pairs": pairs, "leave_out": leave_out or []}
    judging.judge(run, data, options, seed, markdown, json)


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
def diagnose(run: Annotated[Path, Parameter(help="The run's folder.")], /, *, json: Json = False) -> None:
    """Say which failures a run's numbers show: since when, on what evidence, what causes and what cures them."""
    from sparring.cli import diagnosing

    diagnosing.diagnose(run, json)


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
