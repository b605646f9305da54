# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Success and planning time against the horizon, by planner: the figure of ``bench planners --figure``."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from robot_planner.evaluation.report import COLORS, FAINT, NOTE, STYLE, save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MARKERS = "osD^vP*Xhd"
OURS = "grasp"


def draw_horizons(records: Sequence[Mapping[str, Any]], path: Path) -> Path:
    """Writes a PNG: a column a loop and budget, success above and the median time of a problem below.

    ``records`` as ``bench planners`` makes them. Raises EnvironmentSetupError if it can't be written.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = list(dict.fromkeys((record["loop"], record["budget_ms"]) for record in records))
    planners = list(dict.fromkeys(record["planner"] for record in records))
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(2.0 + 3.1 * len(columns), 6.0), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(2, len(columns), squeeze=False, sharex=True, sharey="row")
        for column, (loop, budget) in enumerate(columns):
            for number, planner in enumerate(planners):
                cells = [r for r in records if (r["loop"], r["budget_ms"], r["planner"]) == (loop, budget, planner)]
                _draw_planner(axes[0, column], axes[1, column], sorted(cells, key=lambda r: r["horizon"]), number)
            axes[0, column].set_title(f"{budget:g} ms a plan")
            axes[0, column].set_title(f"{loop} loop", loc="right", **NOTE)
            axes[0, column].set_ylim(0.0, 102.0)
            axes[1, column].set(xlabel="horizon [steps]", yscale="log", xticks=sorted({r["horizon"] for r in records}))
        first = records[0]
        axes[0, 0].set_ylabel(f"success by the environment [%]\ntest: {first['success_test'].partition(' (')[0]}")
        axes[1, 0].set_ylabel("median time of a problem [s]")
        handles, labels = axes[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside right upper")
        return save_figure(figure, path)


def _draw_planner(success: "Axes", seconds: "Axes", cells: Sequence[Mapping[str, Any]], number: int) -> None:
    """One planner's lines, success with its interval."""
    if not cells:
        return
    name = cells[0]["planner"]
    ours = name == OURS
    others = (*COLORS[1:], FAINT, "#12939a", "#b5651d", "#6a6f00")
    color = COLORS[0] if ours else others[(number - 1) % len(others)]
    style: dict[str, Any] = {"color": color, "marker": MARKERS[number % len(MARKERS)], "markersize": 4.5, "label": name}
    style |= {"linewidth": 2.6, "zorder": 3} if ours else {"linewidth": 1.1}
    horizons = [cell["horizon"] for cell in cells]
    low, high = ([100 * cell[f"environment_success_{side}"] for cell in cells] for side in ("low", "high"))
    success.plot(horizons, [100 * cell["environment_success"] for cell in cells], **style)
    success.fill_between(horizons, low, high, color=color, alpha=0.15 if ours else 0.06, linewidth=0)
    seconds.plot(horizons, [cell["seconds_median"] for cell in cells], **style)
