# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""How the demo is shown: a live view where there is a terminal, plain lines elsewhere; imports no ROS."""

import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from robot_planner.nodes.demo_thumbnail import Thumbnail

REFRESH = 0.2
"""Seconds between two pictures of the live view."""
LINE = 2.0
"""Seconds between two plain lines of an episode."""
WIDTH = 96
BARS = "▁▂▃▄▅▆▇█"
SPARK = 32
"""Length of a spark line."""


@dataclass
class Snapshot:
    """How things stand."""

    task: str = ""
    seed: int = 0
    planner: str = ""
    episode: int = 0
    """Counts from 1; 0 before the first."""
    episodes: int = 1
    successes: int = 0
    stage: str = ""
    nodes: Mapping[str, str] = field(default_factory=dict)
    """Name -> what it said of itself last."""
    elapsed: float = 0.0
    time_limit: float = 0.0
    distances: list[float] = field(default_factory=list)
    """Of this episode, oldest first."""
    costs: list[float] = field(default_factory=list)
    rates: Mapping[str, float] = field(default_factory=dict)
    """Of image, latent, plan, command [1/s]."""
    image_age: float = math.nan
    """Median over the last second [s]."""
    planning_seconds: float = math.nan
    iterations: int = 0
    camera: Any = None
    """The newest image (H, W, 3) uint8; None without."""
    goal: Any = None

    @property
    def progress(self) -> float:
        """Of all episodes, 0 to 1: those that are over, and how much of the way is gone in this one."""
        finite = [value for value in self.distances if math.isfinite(value)]
        inside = 1.0 - finite[-1] / finite[0] if finite and finite[0] > 0 else 0.0
        return (max(self.episode - 1, 0) + min(max(inside, 0.0), 0.99)) / max(self.episodes, 1)


class View(Protocol):
    """What shows the demo."""

    def __enter__(self) -> "View": ...

    def __exit__(self, *exception: object) -> None: ...

    def show(self, snapshot: Snapshot) -> None:
        """Called many times a second."""

    def say(self, line: str, style: str = "") -> None:
        """A line that stays."""

    def work(self, what: str, done: int, total: int) -> None:
        """Progress of what comes after the episodes; ``done`` equal to ``total`` ends it."""


def make_view(plain: bool) -> View:
    """The live view on a terminal that can show it, else plain lines."""
    console = Console(highlight=False)
    if plain or not console.is_terminal or console.is_dumb_terminal or console.width < 60 or console.height < 16:
        return PlainView(console)
    return LiveView(console)


class PlainView:
    """Lines for logs and pipes."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._stage, self._said = "", 0.0

    def __enter__(self) -> "PlainView":
        return self

    def __exit__(self, *exception: object) -> None:
        pass

    def show(self, snapshot: Snapshot) -> None:
        """A line where the stage changes, and every few seconds."""
        now = time.monotonic()
        changed = snapshot.stage != self._stage
        if not snapshot.stage or (not changed and now - self._said < LINE):
            return
        self._stage, self._said = snapshot.stage, now
        if not snapshot.episode:
            if changed:
                self.say(f"{snapshot.stage}: {', '.join(snapshot.nodes)}")
            return
        words = [f"{snapshot.task} {snapshot.episode}/{snapshot.episodes}, seed {snapshot.seed}: {snapshot.stage}"]
        if not changed:
            words.append(
                f"{snapshot.elapsed:.1f} of {snapshot.time_limit:g} s, distance {_number(_last(snapshot.distances))}, "
                f"cost {_number(_last(snapshot.costs))}, {snapshot.rates.get('plan', 0.0):.0f} plans/s, "
                f"image age {_milliseconds(snapshot.image_age)}"
            )
        self.say("; ".join(words))

    def say(self, line: str, style: str = "") -> None:
        """Prints it as it is."""
        self._console.print(Text(line), soft_wrap=True)

    def work(self, what: str, done: int, total: int) -> None:
        """One line at its beginning."""
        if what != self._stage:
            self._stage = what
            self.say(f"{what} ...")


class LiveView:
    """A panel that is drawn anew several times a second."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, auto_refresh=False, redirect_stdout=False, redirect_stderr=False)
        self._drawn = 0.0
        pictures = console.color_system in ("truecolor", "256") and console.width >= WIDTH and console.height >= 24
        self._pictures = pictures
        self._thumbnails = (Thumbnail(), Thumbnail())

    def __enter__(self) -> "LiveView":
        self._live.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._live.update(Text(""), refresh=True)
        self._live.stop()

    def show(self, snapshot: Snapshot) -> None:
        """Draws it, unless it was drawn a moment ago."""
        now = time.monotonic()
        if now - self._drawn < REFRESH:
            return
        self._drawn = now
        self._live.update(self._panel(snapshot), refresh=True)

    def say(self, line: str, style: str = "") -> None:
        """Prints it above the panel."""
        self._live.console.print(Text(line, style=style))

    def work(self, what: str, done: int, total: int) -> None:
        """A bar."""
        now = time.monotonic()
        if done < total and now - self._drawn < REFRESH:
            return
        self._drawn = now
        row = Table.grid(padding=(0, 1))
        row.add_row(Text(what), ProgressBar(total=max(total, 1), completed=done, width=40), Text(f"{done}/{total}"))
        self._live.update(row if done < total else Text(""), refresh=True)

    def _panel(self, snapshot: Snapshot) -> RenderableType:
        title = "[bold]robot_planner[/]"
        if snapshot.episode:
            title += f" · {snapshot.task} · seed {snapshot.seed} · {snapshot.planner}"
        body = self._episode(snapshot) if snapshot.episode else _starting(snapshot)
        return Panel(
            Group(body, Text(""), _bar(snapshot, self._width - 6)), title=title, title_align="left",
            width=self._width, border_style="cyan", padding=(1, 2),
        )  # fmt: skip

    @property
    def _width(self) -> int:
        return min(self._console.width, WIDTH)

    def _episode(self, snapshot: Snapshot) -> RenderableType:
        figures = Table.grid(padding=(0, 2))
        figures.add_column(style="dim", no_wrap=True)
        figures.add_column(no_wrap=True)
        for name, value in _figures(snapshot, SPARK if not self._pictures else SPARK // 2):
            figures.add_row(name, value)
        if not self._pictures or snapshot.camera is None:
            return figures
        row = Table.grid(padding=(0, 2))
        row.add_row(
            Group(Text("camera", style="dim"), self._thumbnails[0].of(snapshot.camera)),
            Group(Text("goal", style="dim"), self._thumbnails[1].of(snapshot.goal)),
            Group(Text(""), figures),
        )
        return row


def _starting(snapshot: Snapshot) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    for name, status in snapshot.nodes.items():
        is_active = status == "active"
        table.add_row(
            Text("●" if is_active else "○", style="green" if is_active else "yellow"),
            Text(name), Text(status, style="dim"),
        )  # fmt: skip
    return Group(Text(snapshot.stage), Text(""), table)


def _figures(snapshot: Snapshot, spark: int) -> Iterable[tuple[str, Text]]:
    rates = {name: f"{value:.0f}/s" for name, value in snapshot.rates.items()}
    yield "stage", Text(snapshot.stage, style="bold")
    yield "time", Text(f"{snapshot.elapsed:.1f} of {snapshot.time_limit:g} s")
    yield "distance", Text.assemble((f"{_number(_last(snapshot.distances)):8}", "bold cyan"))
    yield "", Text(spark_line(snapshot.distances, spark), style="cyan")
    yield "cost", Text.assemble((f"{_number(_last(snapshot.costs)):8}", "bold magenta"))
    yield "", Text(spark_line(snapshot.costs, spark), style="magenta")
    yield "plans", Text(f"{rates.get('plan', '')}, {_milliseconds(snapshot.planning_seconds)} each")
    yield "", Text(f"{snapshot.iterations} iterations", style="dim")
    yield "images", Text(f"{rates.get('image', '')} → latents {rates.get('latent', '')}")
    yield "commands", Text(rates.get("command", ""))
    yield "image age", Text(_milliseconds(snapshot.image_age), style="bold")


def _bar(snapshot: Snapshot, width: int) -> RenderableType:
    over = max(snapshot.episode - 1, 0)
    words = f"{snapshot.successes} of {over} succeeded" if over else f"{snapshot.episodes} to do"
    bar = ProgressBar(
        total=1.0, completed=snapshot.progress, width=max(width - len(words) - 2, 10), complete_style="cyan"
    )
    row = Table.grid(padding=(0, 1))
    row.add_row(bar, Text(words, style="dim"))
    return row


def spark_line(values: Iterable[float], length: int) -> str:
    """Values as a line of bars, from zero to the largest; sampled evenly where there are more than ``length``."""
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return ""
    count = min(length, len(finite))
    picked = [finite[(index + 1) * len(finite) // count - 1] for index in range(count)]
    top = max(*finite, 1e-9) if len(finite) > 1 else max(finite[0], 1e-9)
    return "".join(BARS[min(int(max(value, 0.0) / top * (len(BARS) - 1) + 0.5), len(BARS) - 1)] for value in picked)


def _last(values: list[float]) -> float:
    return values[-1] if values else math.nan


def _number(value: float) -> str:
    return f"{value:.3f}" if math.isfinite(value) else "–"


def _milliseconds(seconds: float) -> str:
    return f"{1e3 * seconds:.0f} ms" if math.isfinite(seconds) else "–"
