"""The report: one whole, safe page from any run folder; and text for a terminal."""

import base64
import io
import json
import re
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sparring.errors import DataError, FolderError, InputError, ShapeError
from sparring.record import Record
from sparring.report import file_picture, picture, scatter, verdict_lines, write_report
from sparring.report.figures import MANY, Axis, Line, curves, floor_bar, histogram, limits
from sparring.report.figures import scatter as scatter_drawing
from sparring.report.words import number

VOID = {"meta", "img", "input", "br", "hr", "link"}
EVIL = '<script>alert("x")</script><img src=x onerror=alert(1)>" onload="alert(2)'
RNG = np.random.default_rng(7)
ABOUT: Mapping[str, Any] = {
    "kind": "gan",
    "title": "GAN on 1,797 pictures",
    "parameters": {"recipe": "wgan-gp", "max_iter": 30, "noise": None, "sizes": [64, 64], "flag": True},
    "settings": {"rate": 0.001},
    "recipe": "wgan-gp",
    "seed": 20240117,
    "created": "2025-03-04T14:03:22+00:00",
    "versions": {"python": "3.12.3", "torch": "2.13.0"},
    "machine": {"processor": "a processor", "system": "Linux", "cores": 8, "threads": 4},
    "data": {"description": "pictures", "path": "digits", "fingerprint": "9f2b",
             "rows_train": 1437, "rows_held_out": 360},
    "networks": {"critic": {"summary": "Linear 64-1", "parameters": 65}},
    "steps": 600,
    "status": "finished",
    "sessions": [{"from_step": 0, "to_step": 600, "seconds": 61.2, "started": "2025-03-04T14:03:25+00:00"}],
    "command": ["sparring fit gan digits --random-state 20240117"],
    "failure": None,
}  # fmt: skip
VERDICT: Mapping[str, Any] = {
    "figures": [
        {"name": "w1", "value": 1.5, "floor": 1.0, "interval": [1.3, 1.7], "better": "lower", "grade": "fair",
         "meaning": "How far samples must be carried."},
        {"name": "near_copies", "value": 0.0, "floor": 0.0, "interval": None, "better": "lower", "grade": "good",
         "meaning": "The share of copies."},
        {"name": "confident", "value": 0.92, "floor": None, "interval": None, "better": "higher", "grade": None,
         "meaning": "The share of clear samples."},
    ],
    "samples": 360,
    "draws": 10,
    "seconds": 12.4,
    "summary": "Close to the data.",
}  # fmt: skip


class Page(HTMLParser):
    """Checks that tags close in order, and keeps what a browser would act on."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == [], f"not closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] not in ("style", "script"):
            self.text.append(data)

    def all(self, tag: str, kind: str = "") -> list[dict[str, str | None]]:
        found = [attributes for name, attributes in self.tags if name == tag]
        return [attributes for attributes in found if not kind or kind in str(attributes.get("class")).split()]

    @property
    def words(self) -> str:
        return " ".join(" ".join(self.text).split())


def rows(n: int, every: int = 10) -> list[dict[str, float]]:
    made = []
    for index in range(1, n + 1):
        made.append({
            "step": index * every, "critic/loss": -1.0 / index, "critic/objective": -2.0 / index,
            "critic/gradient": 10.0 / index, "critic/rate": 1e-3, "critic/real_score": 1.0,
            "critic/fake_score": -1.0 / index, "critic/one_centred": 0.1, "generator/loss": 0.5,
            "generator/gradient": 1.0 / index, "generator/rate": 1e-3,
        })  # fmt: skip
    return made


def run(folder: Path, logged: list[dict[str, float]] | None = None, **about: Any) -> Record:
    record = Record.create(folder, {**ABOUT, **about})
    for row in rows(60) if logged is None else logged:
        record.append(row)
    return record


def grid(path: Path, side: int = 40, channels: int = 0) -> None:
    shape = (side, side, channels) if channels else (side, side)
    Image.fromarray(RNG.integers(0, 256, shape, np.uint8)).save(path)


def table(path: Path, n: int = 50, header: str = "height,width", shift: float = 0.0) -> None:
    lines = [",".join(f"{value:.4f}" for value in row) for row in RNG.normal(shift, 1, (n, header.count(",") + 1))]
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")


def read(folder: Path) -> tuple[str, Page]:
    html = write_report(folder).read_text(encoding="utf-8")
    return html, Page(html)


# -- the page


def test_a_whole_run_is_one_file_that_fetches_nothing(tmp_path: Path) -> None:
    record = run(tmp_path / "run")
    record.verdict_path.write_text(json.dumps(VERDICT))
    for step in (100, 300, 600):
        grid(record.sample_path(step, ".png"))
    grid(record.folder / "samples" / "real.png")
    assert write_report(record.folder) == record.report_path
    html, page = read(record.folder)
    assert not list(record.folder.glob("*.partial"))
    assert "://" not in html
    for tag, attributes in page.tags:
        assert tag not in ("link", "iframe", "object", "embed", "base")
        assert "href" not in attributes
        assert str(attributes.get("src", "data:image/")).startswith("data:image/")
    policy = next(at["content"] for at in page.all("meta") if at.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    for said in ("GAN on 1,797 pictures", "Close to the data.", "near copies", "9f2b", "1 min 1 s", "Linear 64-1",
                 "1 of 2 figures are as good as real", "Finished all 600 steps", "torch 2.13.0",
                 "4 March 2025, 14:03 UTC",
                 "a processor, Linux, 8 cores, 4 threads", ABOUT["command"][0]):  # fmt: skip
        assert said in page.words, said
    assert [at.get("data-steps") for at in page.all("input")] == ["100 300 600"]
    assert [("shown" in str(at["class"])) for at in page.all("img", "frame")] == [False, False, True]


def test_pictures_are_kept_to_the_bit_when_they_are_light(tmp_path: Path) -> None:
    record = run(tmp_path / "run")
    grid(record.sample_path(100, ".png"))
    _, page = read(record.folder)
    (image,) = page.all("img", "frame")
    kind, content = str(image["src"]).split(",")
    assert kind == "data:image/png;base64"
    assert base64.b64decode(content) == record.sample_path(100, ".png").read_bytes()


def test_no_user_text_becomes_markup(tmp_path: Path) -> None:
    evil_row = {"step": 10, f"{EVIL}/loss": 1.0, "critic/" + EVIL.replace("/", ""): 2.0}
    record = run(
        tmp_path / "run",
        [evil_row, {**evil_row, "step": 20}],
        title=EVIL, kind=EVIL, recipe=EVIL, created=EVIL, failure=EVIL, status="failed",
        parameters={EVIL: EVIL}, settings={EVIL: [EVIL]}, versions={EVIL: EVIL}, command=[EVIL],
        networks={EVIL: {"summary": EVIL, "parameters": 1}}, machine={"processor": EVIL},
        data={"description": EVIL, "path": EVIL, "fingerprint": EVIL},
        sessions=[{"started": EVIL, "from_step": 0, "to_step": 20, "seconds": 1.0}],
    )  # fmt: skip
    figure = {
        "name": EVIL,
        "value": 1.0,
        "floor": 1.0,
        "interval": [1, 2],
        "better": EVIL,
        "grade": EVIL,
        "meaning": EVIL,
    }
    record.verdict_path.write_text(json.dumps({"figures": [figure], "summary": EVIL}))
    table(record.sample_path(10, ".csv"), header='"<script>alert(3)</script>","<b onclick=alert(4)>"')
    html, page = read(record.folder)
    assert len(page.all("script")) == 1
    assert "<script>alert" not in html
    for _, attributes in page.tags:
        assert not [name for name in attributes if name.startswith("on")]
    assert page.words.count('<script>alert("x")</script>') > 15
    assert "<b onclick=alert(4)>" in page.words


@pytest.mark.parametrize(
    "about", [{}, {"status": "running"}, {"data": None, "sessions": None, "networks": None, "command": None}]
)
def test_a_run_with_nothing_in_it_says_so(tmp_path: Path, about: dict[str, Any]) -> None:
    Record.create(tmp_path / "empty", about)
    _, page = read(tmp_path / "empty")
    for said in ("has not been judged", "no samples to show yet", "No rows have been logged yet", "0 steps so far"):
        assert said in page.words
    assert not page.all("svg")


def test_an_empty_verdict_and_a_broken_one(tmp_path: Path) -> None:
    record = run(tmp_path / "run")
    record.verdict_path.write_text("{}")
    assert "The verdict holds no figures." in read(record.folder)[1].words
    record.verdict_path.write_text("{")
    with pytest.raises(FolderError, match=r"verdict\.json cannot be used"):
        write_report(record.folder)


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match=r"no run\.json"):
        write_report(tmp_path)


@pytest.mark.parametrize(
    ("status", "said"),
    [("diverged", "The run diverged"), ("failed", "The run failed"), ("stopped", "was stopped before its end")],
)
def test_how_a_run_ended_is_said(tmp_path: Path, status: str, said: str) -> None:
    run(tmp_path / "run", status=status, failure="the loss is not finite")
    _, page = read(tmp_path / "run")
    assert said in page.words
    assert "The loss is not finite" in page.words
    assert ("sparring resume" in page.words) == (status != "diverged")


def test_values_that_are_not_finite_are_marked_and_counted(tmp_path: Path) -> None:
    logged = rows(20)
    for row in logged[14:]:
        row["critic/loss"] = float("nan")
        row["critic/gradient"] = float("inf")
    run(tmp_path / "run", logged)
    html, page = read(tmp_path / "run")
    assert page.words.count("6 values are not finite, the first at step 150.") == 2
    assert len(page.all("path", "broken")) == 2
    assert "nan" not in " ".join(re.findall(r' d="([^"]*)"', html))


def test_an_unknown_quantity_has_a_panel_without_advice(tmp_path: Path) -> None:
    run(
        tmp_path / "run",
        [{"step": 1, "critic/wobble": 1.0, "alone": 2.0}, {"step": 2, "critic/wobble": 3.0, "alone": 1.0}],
    )
    _, page = read(tmp_path / "run")
    assert "wobble" in page.words
    assert page.words.count("does not know what is healthy") == 2


def test_equal_curves_are_drawn_once(tmp_path: Path) -> None:
    run(tmp_path / "run")
    assert "critic and generator 0.001" in read(tmp_path / "run")[1].words


def test_many_rows_and_heavy_pictures_stay_small(tmp_path: Path) -> None:
    record = run(tmp_path / "run", rows(4000))
    for step in range(1, 41):
        grid(record.sample_path(step, ".png"), 512, 3)  # pure noise: nothing packs worse
    grid(record.folder / "samples" / "real.png", 512, 3)
    html, page = read(record.folder)
    assert len(html) < 2_000_000
    frames = page.all("img", "frame")
    assert len(frames) == 16
    steps = [int(step) for step in str(page.all("input")[0]["data-steps"]).split()]
    assert (steps[0], steps[-1]) == (1, 40)
    shown = Image.open(io.BytesIO(base64.b64decode(str(frames[0]["src"]).split(",")[1])))
    assert shown.width == shown.height >= 384
    assert "means over short stretches" in page.words


def test_a_file_that_is_no_picture_is_named_and_left_out(tmp_path: Path) -> None:
    record = run(tmp_path / "run")
    record.sample_path(100, ".png").write_bytes(b"not a picture")
    grid(record.sample_path(200, ".png"))
    _, page = read(record.folder)
    assert "00000100.png cannot be shown" in page.words
    assert len(page.all("img", "frame")) == 1


def test_a_table_is_drawn_against_the_real_one(tmp_path: Path) -> None:
    record = run(tmp_path / "run")
    for step in (100, 200, 300):
        table(record.sample_path(step, ".csv"), 3000)
    table(record.folder / "samples" / "real.csv", 3000)
    html, page = read(record.folder)
    marks = [str(at["d"]) for at in page.all("path", "dots")]
    assert len(page.all("path", "frame")) == 3
    assert max(mark.count("M") for mark in marks) == 1000
    assert "height" in page.words
    assert "width" in page.words
    assert len(html) < 400_000


def test_a_translator_of_tables_is_drawn_both_ways(tmp_path: Path) -> None:
    record = run(tmp_path / "run", kind="cyclegan")
    for step in (100, 200, 300):
        for part in ("", "a-a", "b-a", "b-b")[: 3 if step == 300 else 4]:  # the last step was cut short
            table(record.sample_path(step, ".csv", part), 30)
    for name in ("real.csv", "real-a.csv"):
        table(record.folder / "samples" / name, 30)
    assert [step for step, _ in record.samples()] == [100, 200, 300]
    _, page = read(record.folder)
    assert len(page.all("path", "frame")) == 4 * 2
    assert len(page.all("div", "stage")) == 6
    for words in ("G(A) before B", "F(G(A)) before A", "F(B) before A", "G(F(B)) before B"):
        assert words in page.words
    record.forget_after(150)
    assert sorted(path.name for path in (record.folder / "samples").glob("0*")) == [
        f"00000100{part}.csv" for part in ("-a-a", "-b-a", "-b-b", "")
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("name,kind\na,b\nc,d\n", "No column holds numbers"),
        ("height\n1.5\n2.5\n", "share of samples"),
        ("name,height,width\na,1,2\nb,3,\n", "height"),
        ("1.0,2.0\n3.0,4.0\n", "column 1"),
        ("height,width\n1\n", "rows do not all have 2 cells"),
        ("", "it is empty"),
    ],
)
def test_tables_of_every_kind(tmp_path: Path, content: str, said: str) -> None:
    record = run(tmp_path / "run")
    record.sample_path(100, ".csv").write_text(content)
    assert said in read(record.folder)[1].words


# -- drawings


def points(path: str) -> np.ndarray:
    return np.array([[float(n) for n in pair.split()] for pair in re.findall(r"-?[\d.]+ -?[\d.]+", path)])


def test_a_curve_lies_where_its_ticks_say() -> None:
    line = Line("critic", np.arange(0, 101.0), np.linspace(-2, 3, 101), "c0")
    page = Page(str(curves([line], 100, "a line").svg))
    drawn = points(str(page.all("path", "curve")[0]["d"]))
    rules = [str(at["d"]) for at in page.all("path", "rule")]
    zero = float(str(page.all("path", "zero")[0]["d"]).split("H")[0].split()[1])
    np.testing.assert_allclose(drawn[40, 1], zero, atol=0.11)  # the value is 0 at step 40
    heights = sorted(float(rule.split("H")[0].split()[1]) for rule in rules)
    np.testing.assert_allclose(np.diff(heights), np.diff(heights)[0], atol=0.11)
    np.testing.assert_allclose(np.polyfit(drawn[:, 0], drawn[:, 1], 1, full=True)[1], 0, atol=0.2)


def test_a_logarithmic_axis_puts_decades_at_equal_distances() -> None:
    axis = Axis(0.01, 100, 0, 400, log=True)
    np.testing.assert_allclose(axis(np.array([0.01, 0.1, 1, 10, 100])), [0, 100, 200, 300, 400], atol=1e-9)
    np.testing.assert_allclose(axis.ticks(), [0.01, 0.1, 1, 10, 100])
    assert np.isnan(axis(0.0))


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-3.7, 12.2), (1000.1, 1000.9), (1e-9, 4e-9), (0, 6e6)])
def test_ticks_are_round_inside_and_told_apart(low: float, high: float) -> None:
    ticks = Axis(low, high, 0, 1).ticks(4)
    assert 3 <= len(ticks) <= 8
    assert low <= min(ticks) <= max(ticks) <= high
    steps = np.diff(ticks)
    np.testing.assert_allclose(steps, steps[0], rtol=1e-6)
    leading = float(f"{steps[0]:.3e}".split("e")[0])
    assert leading in (1.0, 2.0, 5.0)
    svg = curves([Line("x", np.array([0.0, 1.0]), np.array([low, high]), "c0")], 1, "x").svg
    labels = re.findall(r'text-anchor="end">([^<]*)<', str(svg))
    assert len(set(labels)) == len(labels)


def test_a_spike_does_not_flatten_the_curve_and_is_told() -> None:
    values = np.sin(np.arange(200) / 10)
    values[50] = 1e6
    low, high = limits(values)
    assert -3 < low < -1
    assert 1 < high < 3
    drawing = curves([Line("x", np.arange(200.0), values, "c0")], 200, "x")
    assert drawing.notes == ("1 of 200 values lie outside the frame (lowest −1, highest 1,000,000).",)


@pytest.mark.parametrize("values", [[], [np.nan], [3.0], [0.0, 0.0], [-1e-12], [5.0] * 9, [np.inf, 1.0], [0.0, -1.0]])
@pytest.mark.parametrize("log", [False, True])
def test_limits_always_have_room(values: list[float], log: bool) -> None:
    low, high = limits(np.array(values, float), log)
    assert np.isfinite([low, high]).all()
    assert low < high
    assert not log or low > 0
    Page(str(curves([Line("x", np.arange(len(values), dtype=float), np.array(values, float), "c0")], 10, "x", log).svg))


def test_many_rows_become_means_inside_bands() -> None:
    n = 4 * MANY
    values = RNG.normal(0, 1, n)
    page = Page(str(curves([Line("x", np.arange(n, dtype=float), values, "c0")], n, "x").svg))
    line, band = (points(str(page.all("path", kind)[0]["d"])) for kind in ("curve", "band"))
    top, bottom = band[: len(line)], band[len(line) :][::-1]
    assert len(line) == 250
    assert (top[:, 1] <= line[:, 1]).all()
    assert (line[:, 1] <= bottom[:, 1]).all()
    np.testing.assert_allclose(top[:, 0], line[:, 0])


def test_a_bar_puts_value_floor_and_interval_on_one_scale() -> None:
    page = Page(str(floor_bar(2.0, 1.0, (1.5, 4.0), "poor")))
    end = float(str(page.all("path", "bar")[0]["d"]).split("H")[1])
    tick = float(str(page.all("path", "floor")[0]["d"])[1:].split()[0])
    whisker = [float(x) for x in re.findall(r"[MH](-?[\d.]+)", str(page.all("path", "whisker")[0]["d"]))]
    scale = (end - 2) / 2.0
    np.testing.assert_allclose([tick - 2, whisker[0] - 2, whisker[1] - 2], np.array([1, 1.5, 4]) * scale, atol=0.11)
    assert floor_bar(None, 1.0, None, None) == ""
    assert floor_bar(float("nan"), 1.0, None, None) == ""


def test_real_and_generated_points_share_their_axes() -> None:
    real = RNG.normal(0, 1, (40, 2))
    made, alone = scatter_drawing(real, [real + 5, real], ("a", "b"))
    assert alone is not None
    dots = [str(at["d"]) for at in Page(str(made.svg)).all("path", "dots")]
    assert dots[0] == dots[2] == str(Page(str(alone.svg)).all("path", "dots")[0]["d"])
    assert scatter_drawing(None, [real], ("a", "b"))[1] is None
    assert scatter_drawing(real, [real + 100], ("a", "b"))[0].notes == (
        "40 of the 40 newest samples lie outside the frame.",
    )


def test_a_histogram_reaches_equal_heights_for_equal_samples() -> None:
    real = RNG.normal(0, 1, 500)
    made, alone = histogram(real, [real[:100], real], "a")
    stairs = [str(at["d"]) for at in Page(str(made.svg)).all("path", "stairs")]
    assert stairs[0] == stairs[2]
    assert alone is not None
    assert histogram(None, [real], "a")[1] is None


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (-1.5, "−1.5"), (0.00123, "0.00123"), (1234.5, "1,234"), (1e-10, "10⁻¹⁰"),
     (float("nan"), "not a number"), (float("-inf"), "−∞"), (2.5e12, "2.5×10¹²"), (100, "100")],
)  # fmt: skip
def test_numbers_read_well(value: float, text: str) -> None:
    assert number(value) == text


# -- the terminal


def decoded(text: str) -> np.ndarray:
    """The pixels that a terminal would show for half blocks."""
    lines = []
    for line in text.split("\n"):
        pair, upper, lower = ((0, 0, 0), (0, 0, 0)), [], []
        for code, letter in re.findall(r"\x1b\[([\d;]*)m|(.)", line):
            if letter:
                assert letter == "▀"
                upper.append(pair[0])
                lower.append(pair[1])
            elif code != "0":
                n = [int(part) for part in code.split(";")]
                assert (n[:2], n[5:7]) == ([38, 2], [48, 2])
                pair = (tuple(n[2:5]), tuple(n[7:10]))
        assert line.endswith("\x1b[0m")
        lines += [upper, lower]
    return np.array(lines, np.uint8)


@pytest.mark.parametrize("shape", [(6, 5), (6, 5, 3), (7, 5, 3), (1, 1)])
def test_a_picture_that_fits_shows_every_pixel(shape: tuple[int, ...]) -> None:
    image = RNG.integers(0, 256, shape, np.uint8)
    shown = decoded(picture(image, 10))
    wanted = image if image.ndim == 3 else np.repeat(image[:, :, None], 3, axis=2)
    np.testing.assert_array_equal(shown[: shape[0]], wanted)
    assert len(shown) == shape[0] + shape[0] % 2


def test_what_is_see_through_is_laid_on_black() -> None:
    image = np.full((2, 2, 4), 200, np.uint8)
    image[..., 3] = [[0, 255], [0, 255]]
    np.testing.assert_array_equal(decoded(picture(image, 2))[0], [[0, 0, 0], [200, 200, 200]])


@pytest.mark.parametrize("colour", [True, False])
def test_a_wide_picture_is_scaled_down(colour: bool) -> None:
    lines = picture(np.full((100, 200, 3), 255, np.uint8), 40, colour).split("\n")
    assert len(lines) == 10
    assert {len(re.sub(r"\x1b\[[\d;]*m", "", line)) for line in lines} == {40}


def test_shades_grow_with_brightness() -> None:
    ramp = np.repeat(np.array([[0, 60, 128, 190, 255]], np.uint8), 2, axis=0)
    assert picture(ramp, 5, colour=False) == " ░▒▓█"


def test_bad_pictures_are_refused() -> None:
    with pytest.raises(InputError, match="uint8"):
        picture(np.zeros((2, 2)), 10)
    for shape in ((2,), (2, 2, 2), (0, 4), (2, 2, 3, 1)):
        with pytest.raises(ShapeError, match="must have the shape"):
            picture(np.zeros(shape, np.uint8), 10)
    with pytest.raises(InputError, match="width of 0"):
        picture(np.zeros((2, 2), np.uint8), 0)


def stripped(text: str) -> list[str]:
    return re.sub(r"\x1b\[[\d;]*m", "", text).split("\n")


def dots(line: str) -> int:
    return sum((ord(letter) - 0x2800).bit_count() for letter in line)


def test_points_become_dots_where_they_belong() -> None:
    corners = np.array([[0.0, 0.0], [1.0, 1.0]])
    lines = stripped(scatter(corners, np.empty((0, 2)), 30, 6, colour=False))
    assert [len(line) for line in lines[1:]] == [30] * 6
    left = [line[:14] for line in lines[1:]]
    assert dots("".join(left)) == 2
    assert dots(left[0][-1]) == dots(left[-1][0]) == 1  # upper right, lower left
    assert dots("".join(line[16:] for line in lines[1:])) == 0


def test_both_sets_in_one_drawing_have_their_colours() -> None:
    real, fake = np.array([[0.0, 0.0], [1.0, 1.0]]), np.array([[0.0, 1.0], [np.nan, 0.0], [1.0, 1.0]])
    text = scatter(real, fake, 30, 6)
    lines = stripped(text)
    assert len(lines) == 7
    assert {len(line) for line in lines[1:]} == {30}
    assert dots("".join(lines[1:])) == 3
    assert len(set(re.findall(r"\x1b\[38;2;[\d;]*m", text))) == 3
    with pytest.raises(ShapeError, match="real points"):
        scatter(np.zeros((3, 3)), fake, 30, 6)
    assert len(stripped(scatter(np.empty((0, 2)), np.empty((0, 2)), 30, 6))) == 7


@pytest.mark.parametrize("width", [24, 40, 60, 100])
def test_a_verdict_fits_its_width(width: int) -> None:
    lines = verdict_lines(VERDICT, width)
    assert max(len(line) for line in lines) <= width
    text = " ".join(" ".join(lines).split())
    for said in ("Close to the data.", "w1", "near copies", "1.5 (1.3 to 1.7)", "close", "The share of copies."):
        assert said in text
    assert ("value / floor" in text) == (width >= 60)


def test_a_verdict_cannot_command_the_terminal() -> None:
    figure = {
        "name": "w1\x1b[2J",
        "value": None,
        "floor": None,
        "interval": None,
        "grade": "\x07good",
        "meaning": "a\nb\x1b",
    }
    text = "".join(verdict_lines({"figures": [figure], "summary": "\x1b]0;title\x07"}, 80))
    assert text.isprintable()
    assert verdict_lines({}, 80) == []
    with pytest.raises(InputError, match="at least 24"):
        verdict_lines(VERDICT, 10)


def test_a_file_of_samples_is_shown(tmp_path: Path) -> None:
    grid(tmp_path / "a.png", 20)
    np.testing.assert_array_equal(
        decoded(file_picture(tmp_path / "a.png", 40))[..., 0], np.asarray(Image.open(tmp_path / "a.png"))
    )
    table(tmp_path / "b.csv")
    table(tmp_path / "real.csv")
    assert len(stripped(file_picture(tmp_path / "b.csv", 40, colour=False))) == 11
    (tmp_path / "c.csv").write_text("name,more\na\n")
    (tmp_path / "d.png").write_bytes(b"nothing")
    for name in ("c.csv", "d.png", "missing.png"):
        with pytest.raises(DataError, match=r"cannot be shown"):
            file_picture(tmp_path / name, 40)
