# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The report of recorded episodes: figures as PNG, and one line that sums up; no ROS."""

import functools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from robot_planner.errors import EnvironmentSetupError
from robot_planner.evaluation.recording import Recording
from robot_planner.evaluation.statistics import median_and_p99, wilson_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, FAINT, MARK = "#1c2430", "#8791a0", "#e08e0b"
OUTCOMES = {True: ("success", "#1b9e5a"), False: ("no success", "#d1495b")}
COLORS = ("#2f6db3", "#e07b00", "#2a9d5c", "#8e5bb5", "#c23b4e", "#6b6f76")
"""Up to so many episodes are told apart."""
NOTE: dict[str, Any] = {"fontsize": 9, "fontweight": "normal", "color": FAINT}
STYLE: dict[Any, Any] = {
    "figure.figsize": (7.2, 4.2),
    "figure.dpi": 150,
    "font.size": 10,
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": "#e6e9ee",
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.edgecolor": "none",
    "legend.framealpha": 0.9,
    "legend.fontsize": 8.5,
    "savefig.facecolor": "white",
}


def summary(recordings: Sequence[Recording]) -> str:
    """How many episodes succeeded, by the environment, with the Wilson interval."""
    count, total = sum(recording.success for recording in recordings), len(recordings)
    if not total:
        return "no episode came to its end"
    low, high = wilson_interval(count, total)
    return f"{count} of {total} succeeded: {count / total:.0%} (95 % interval {low:.0%} to {high:.0%})"


def write_figures(folder: Path, recordings: Sequence[Recording]) -> list[Path]:
    """Writes distance.png, image_age.png and, of plans that have one, cost.png.

    Raises EnvironmentSetupError if they can't be written.
    """
    return [
        write_figure(folder / f"{name}.png", functools.partial(_drawn, draw, recordings))
        for name, draw in FIGURES.items()
        if name != "cost" or not any(recording.words for recording in recordings)  # subgoals have none
    ]


def write_figure(path: Path, draw: Callable[["Axes"], None]) -> Path:
    """Writes a PNG with one pair of axes, whole or not at all; raises EnvironmentSetupError if it can't be written."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # no display, and no state of pyplot
    from matplotlib.figure import Figure

    with mpl.rc_context(STYLE):
        figure = Figure(layout="constrained")
        FigureCanvasAgg(figure)
        draw(figure.subplots())
        return save_figure(figure, path)


def save_figure(figure: "Figure", path: Path) -> Path:
    """Writes a PNG, whole or not at all; raises EnvironmentSetupError if it can't be written."""
    part = path.with_name(f".{path.name}.part")
    try:
        figure.savefig(part, format="png")
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise EnvironmentSetupError(f"can't write {path}: {error.strerror or error}") from None
    return path


def _drawn(draw: Callable[["Axes", Sequence[Recording]], None], recordings: Sequence[Recording], axes: "Axes") -> None:
    draw(axes, recordings)


def draw_distances(axes: "Axes", recordings: Sequence[Recording]) -> None:
    """Distance over time of each episode, as the model reads the camera; its end marked by the verdict."""
    for recording, color, label in _lines(recordings):
        known = [(recording.elapsed(t), d) for t, d in recording.distances if np.isfinite(d)]
        if not known:
            continue
        seconds, values = zip(*known, strict=True)
        axes.plot(
            seconds, values, color=color, alpha=_opacity(recordings), linewidth=1.6, label=label,
            marker="o" if recording.success else "X", markevery=[len(values) - 1], markersize=6,
        )  # fmt: skip
    axes.set(xlabel="time since the goal was sent [s]", ylabel="distance, as the model reads the camera")
    axes.set_title("Distance to the goal")
    axes.set_title("at the end: ● success, ✖ none, by the environment", loc="right", **NOTE)
    axes.set_xlim(left=0.0)
    axes.set_ylim(bottom=0.0)
    if axes.get_lines():
        axes.legend(loc="upper right")
    else:
        _say_nothing(axes)


def draw_image_ages(axes: "Axes", recordings: Sequence[Recording]) -> None:
    """Histogram of the age that an image has when the arm is commanded from it."""
    ages = 1e3 * np.array([age for recording in recordings for age in recording.image_ages])
    axes.set(title="From image to command", xlabel="age of the image behind a command [ms]", ylabel="commands")
    if not len(ages):
        _say_nothing(axes)
        return
    median, p99 = median_and_p99(ages.tolist())
    end = max(1.25 * p99, 1.0)
    axes.hist(
        np.minimum(ages, end),
        bins=np.linspace(0.0, end, 51).tolist(),
        color="#4c78a8",
        edgecolor="white",
        linewidth=0.4,
    )
    for value, name, style in ((median, "median", "-"), (p99, "99th percentile", "--")):
        axes.axvline(value, color=MARK, linestyle=style, linewidth=1.6, label=f"{name} {value:.0f} ms")
    axes.set_title(f"{len(ages)} commands, oldest image {ages.max():.0f} ms", loc="right", **NOTE)
    axes.set_xlim(0.0, end)
    axes.legend(loc="upper right")


def draw_costs(axes: "Axes", recordings: Sequence[Recording]) -> None:
    """Cost of each plan over the planner's iterations since the goal was sent."""
    axes.set(xlabel="planner's iterations since the goal was sent", ylabel="cost of the best plan")
    axes.set_title("Cost of the plans")
    plans = [plan for recording in recordings for plan in recording.plans]
    if not plans:
        _say_nothing(axes)
        return
    for recording, color, label in _lines(recordings):
        iterations = np.cumsum([plan.iterations for plan in recording.plans])
        costs = [plan.cost for plan in recording.plans]
        axes.plot(iterations, costs, color=color, alpha=_opacity(recordings), linewidth=1.3, label=label)
    each = np.median([plan.iterations for plan in plans])
    seconds = np.median([plan.seconds for plan in plans])
    axes.set_title(f"each plan: {each:.0f} iterations in {1e3 * seconds:.0f} ms (medians)", loc="right", **NOTE)
    axes.set_xlim(left=0.0)
    axes.set_ylim(bottom=0.0)
    axes.legend(loc="upper right")


FIGURES: dict[str, Callable[["Axes", Sequence[Recording]], None]] = {
    "distance": draw_distances,
    "image_age": draw_image_ages,
    "cost": draw_costs,
}


def _lines(recordings: Sequence[Recording]) -> Iterator[tuple[Recording, str, str]]:
    """Each episode with its colour and its name in the legend: its own, or, of many, that of its outcome."""
    named: set[bool] = set()
    for index, recording in enumerate(recordings):
        if len(recordings) <= len(COLORS):
            off = recording.verdict.get("distance")
            words = "" if off is None else f", {100 * off:.1f} cm off"
            yield recording, COLORS[index], f"seed {recording.seed}: {OUTCOMES[recording.success][0]}{words}"
            continue
        name, color = OUTCOMES[recording.success]
        count = sum(other.success == recording.success for other in recordings)
        yield recording, color, f"_{name}" if recording.success in named else f"{name}: {count}"
        named.add(recording.success)


def _opacity(recordings: Sequence[Recording]) -> float:
    return 0.95 if len(recordings) <= len(COLORS) else 0.55


def _say_nothing(axes: "Axes") -> None:
    axes.text(0.5, 0.5, "nothing was recorded", transform=axes.transAxes, ha="center", color=FAINT)
