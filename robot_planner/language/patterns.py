# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Patterns of templates: ``[now|just|] open {D}`` stands for three of them."""

import re
from collections.abc import Iterable

from robot_planner.language.words import DEVELOPMENT, HELD_OUT, TRAINING, Split, in_splits

Templates = dict[Split, tuple[tuple[str, ...], ...]]
"""Split -> for each pattern the templates that it stands for; patterns are drawn alike, then templates of one."""

_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_TOKEN = re.compile(r"\{\w+\}|\w+|[^\w\s]")


def expand(pattern: str) -> tuple[str, ...]:
    """Every template that a pattern stands for, each once; choices may lie in one another."""
    found, waiting = [], [pattern]
    while waiting:
        text = waiting.pop()
        choice = _CHOICE.search(text)
        if choice is None:
            found.append(re.sub(r" {2,}", " ", text))
        else:
            waiting += [text[: choice.start()] + one + text[choice.end() :] for one in choice[1].split("|")]
    return tuple(dict.fromkeys(found))


def signature(template: str) -> str:
    """Words, slots and signs of a template, spaces around each: one template holds another if its signature does."""
    return f" {' '.join(_TOKEN.findall(template.lower()))} "


def templates(training: Iterable[str], held_out: Iterable[str]) -> Templates:
    """Patterns as templates of each split; none of training's holds a held-out one or is one of development's."""
    patterns = in_splits(training, held_out)
    kept = {split: [expand(pattern) for pattern in patterns[split]] for split in patterns}
    held = [signature(template) for group in kept[HELD_OUT] for template in group]
    for split in (TRAINING, DEVELOPMENT):
        clear = [tuple(t for t in group if not any(h in signature(t) for h in held)) for group in kept[split]]
        kept[split] = [group for group in clear if group]
    own = {signature(template) for group in kept[DEVELOPMENT] for template in group}
    clear = [tuple(t for t in group if signature(t) not in own) for group in kept[TRAINING]]
    return {**{split: tuple(groups) for split, groups in kept.items()}, TRAINING: tuple(g for g in clear if g)}
