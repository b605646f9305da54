# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The end of a training: the model folder with its card, which says what made it, and the record."""

import argparse
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any


def option(name: str) -> str:
    """As it is typed: ``round_steps`` is ``--round-steps``."""
    return f"--{name.replace('_', '-')}"


def typed(args: argparse.Namespace, names: Iterable[str]) -> str:
    """Options with their values as they would be typed, those that have one."""
    values = ((name, getattr(args, name)) for name in names)
    return " ".join(f"{option(name)} {value}" for name, value in values if value is not None)


def write_model(
    args: argparse.Namespace,
    card: str,
    options: Iterable[str],
    begun: float,
    figures: Mapping[str, float],
    save: Callable[[Path, str], None],
    **more: object,
) -> list[dict[str, Any]]:
    """Writes the model folder; returns the record.

    Args:
        args: of the training, with ``name``, ``out`` and ``seed``.
        card: to be formatted with ``args``, ``more``, ``options``, ``seconds`` and ``figures``.
        options: by name, those that the command in the card states.
        begun: when the run did, of ``time.monotonic()``.
        figures: of validation.
        save: writes to the folder, with this card.
        more: what else the card says.
    """
    told = {"options": typed(args, options), "seconds": f"{time.monotonic() - begun:.0f}"}
    told["figures"] = "\n".join(f"  - {key}: {value:.3g}" for key, value in figures.items())
    folder = args.out or Path("models") / args.name
    save(folder, card.format(**{**vars(args), **told, **more}))
    print(f"wrote {folder}", flush=True)
    return [{"model": args.name, "seed": args.seed, **figures}]
