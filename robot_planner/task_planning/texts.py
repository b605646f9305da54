# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""What all language models do with texts that are plans."""

import difflib
import re

from robot_planner.task_planning.plan import END

_WHOLE = re.compile(rf"^[ \t]*{END}[ \t\r]*$", re.MULTILINE)


def until_end(text: str, more: bool = False) -> str | None:
    """The text up to the first line that is END, that line included; None if there is none.

    ``more``: the text may go on, so that what its last line is can't be said yet.
    """
    match = _WHOLE.search(text)
    return None if match is None or (more and match.end() == len(text)) else text[: match.end()]


def edits(former: str, new: str) -> list[tuple[str, str]]:
    """Lines of two plans with a sign before each: "+" came, "-" went, " " stayed."""
    lines = difflib.ndiff(former.splitlines(), new.splitlines())
    return [(line[0], line[2:]) for line in lines if line[0] in "+- "]
