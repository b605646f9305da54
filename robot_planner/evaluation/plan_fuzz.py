# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""``bench plan-fuzz``: spoilt plans, conditions and domain files; each is read whole, or refused with its place.

Inputs are made of good ones by chance: letters, lines and pieces lost, doubled, swapped and mixed, nesting, sizes,
letters of other alphabets, control characters, random bytes. What is read must be printed and read back the same; what
is refused must be refused by its own error, with a line and column that are in the text (of a domain whose YAML is
sound: with the entry). Anything else is a failure, and is shown with the number of its input.
"""

import argparse
import copy
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

import yaml

from robot_planner.errors import InvalidInputError
from robot_planner.task_planning.condition_text import ConditionSyntaxError, parse_condition
from robot_planner.task_planning.domain import DomainError
from robot_planner.task_planning.domain_file import load_domain, parse_domain
from robot_planner.task_planning.household_expert import expert_plan
from robot_planner.task_planning.household_tasks import sample_problem
from robot_planner.task_planning.plan import PlanSyntaxError, parse_plan

SHARES = {"plan": 0.6, "condition": 0.35, "domain": 0.05}
"""Of all inputs; a domain takes some hundred times as long as a plan."""
STRANGE = "[]<>()?:;,=#&*!|'\"\\{}-_ \t\r\n\x00\x0b\x1c\x85\u2028\ufeff\u0663\u00e9\U0001f916\ud800aZ09"
ODD: tuple[Any, ...] = (
    *(None, True, 0, -7, 10**30, 1.5, float("nan"), "", "x", "?x", "object", "!!int x", "!!float x", "2001-13-45"),
    *([], {}, [[]], [None], {"x": "x"}, {"x": []}, ["x", 3], b"x", "not " * 99 + "open(?b)", "&a [*a]"),
)
"""Values that stand where others are expected."""
BOMB = 3000
"""Times that a piece is repeated."""
PANTRY = """name: pantry
types: {box: {has: [sturdy]}, jar: {}}
relations:
  sturdy: {args: {x: object}, fixed: true}
  open: {args: {b: box}}
  held: {args: {j: jar}}
  inside: {args: {j: jar, b: box}, visible: "open(?b)", said: true}
definitions:
  hand_full: {means: "exists ?h jar: held(?h)"}
exclusive:
  - ["inside(?j, ?b)", "inside(?j, ?c)"]
actions:
  PUTIN:
    parameters: {j: jar, b: box}
    requires:
      - ["held(?j)", "the robot does not hold {j}"]
      - ["not (exists ?k jar: inside(?k, ?b))", "{k} is in {b} already"]
    effects:
      - {delete: ["held(?j)"], add: ["inside(?j, ?b)"]}
      - {for: {k: jar}, when: "inside(?k, ?b)", delete: ["inside(?k, ?b)"]}
"""


def corpus() -> dict[str, list[str]]:
    """Good inputs of each kind."""
    problems = [sample_problem(seed) for seed in range(12)]
    plans = [str(expert_plan(p.flat.world(), p.task.goals)) for p in problems]
    domain = load_domain("household")
    conditions = {str(r.condition) for action in domain.actions.values() for r in action.requires}
    conditions |= {str(goal) for p in problems for goal in p.task.goals}
    short = sorted(text for text in conditions if len(text) < 300)
    return {"plan": plans, "condition": short, "domain": [PANTRY]}


def _cut(text: str, random: Random) -> tuple[int, int]:
    begin = random.randrange(len(text) + 1)
    return begin, min(len(text), begin + random.choice((1, 1, 2, 5, 20)))


def spoil(text: str, others: list[str], random: Random) -> str:
    """One change to a text."""
    begin, end = _cut(text, random)
    piece = text[begin:end]
    strange = "".join(random.choices(STRANGE, k=random.choice((1, 1, 2, 8))))
    lines = text.split("\n")
    other = random.choice(others)
    start, stop = _cut(other, random)
    change = random.randrange(11)
    if change < 2:
        return text[:begin] + text[end:]
    if change < 4:
        return text[:begin] + strange + (text[end:] if change == 2 else text[begin:])
    if change == 4:
        return text[:begin] + piece + text[begin:]
    if change == 5:
        return text[:begin] + other[start:stop] + text[end:]
    if change == 6:
        return text[:begin]
    if change == 7:
        random.shuffle(lines)
        return "\n".join(lines)
    if change == 8:
        return text[:begin] + other[start:]
    if change == 9 and random.random() < 0.05:
        return text[:begin] + random.choice((piece, strange, "(", "not ", "[A] ", "[", "{a: ")) * BOMB + text[begin:]
    return text.swapcase() if random.random() < 0.1 else text[:begin] + piece.swapcase() + text[end:]


def replaced(data: Any, random: Random) -> Any:
    """Data of a domain with one entry, or the whole, replaced by another of its entries or a value out of place."""
    entries: list[tuple[Any, Any]] = []
    todo = [data]
    while todo:
        part = todo.pop()
        keys = part if isinstance(part, dict) else range(len(part)) if isinstance(part, list) else ()
        entries += [(part, key) for key in keys]
        todo += [part[key] for key in keys]
    odd = [*ODD, *(holder[key] for holder, key in random.sample(entries, min(3, len(entries))))]
    value = copy.deepcopy(random.choice(odd))
    if not entries or random.random() < 0.02:
        return value
    holder, key = random.choice(entries)
    if isinstance(holder, dict) and random.random() < 0.3:
        holder[random.choice((None, 3, True, "x", "X Y", *holder))] = holder.pop(key)
    elif isinstance(holder, dict) and random.random() < 0.2:
        del holder[key]
    else:
        holder[key] = value
    return data


def make_input(kind: str, number: int, seed: int, good: dict[str, list[str]]) -> str:
    """Input ``number`` of a kind, the same for the same arguments."""
    random = Random(f"{kind} {seed} {number}")
    if random.random() < 0.05:
        return random.randbytes(random.randrange(200)).decode(random.choice(("latin-1", "utf-16-le")), "replace")
    text = random.choice(good[kind])
    if kind == "domain" and random.random() < 0.6:
        data = yaml.safe_load(text)
        for _ in range(random.choice((1, 1, 2, 4))):
            data = replaced(data, random)
        return str(yaml.safe_dump(data)).replace("'!!", "!!").replace("x'", "x")
    for _ in range(random.choice((0, 1, 1, 1, 2, 3, 6))):
        text = spoil(text, good[kind], random)
    return text


def try_plan(text: str) -> bool:
    """Whether the text is read; AssertionError where reading it went wrong."""
    try:
        plan = parse_plan(text)
    except PlanSyntaxError as error:
        lines = text.split("\n")
        assert 1 <= error.line <= len(lines) and 1 <= error.column <= len(lines[error.line - 1]) + 1, "no such place"
        return False
    assert parse_plan(str(plan)) == plan, "read back as another plan"
    return True


def try_condition(text: str) -> bool:
    """See ``try_plan``; a condition is one line."""
    try:
        condition = parse_condition(text)
    except ConditionSyntaxError as error:
        assert 1 <= error.column <= len(text) + 1, "no such place"
        return False
    assert parse_condition(str(condition)) == condition, "read back as another condition"
    return True


def try_domain(text: str) -> bool:
    """See ``try_plan``; there is nothing that prints a domain."""
    try:
        parse_domain(text, "fuzz.yaml")
    except DomainError as error:
        assert str(error).startswith("fuzz.yaml: "), "no place is named"
        return False
    return True


TRIES: dict[str, Callable[[str], bool]] = {"plan": try_plan, "condition": try_condition, "domain": try_domain}


@dataclass
class Tally:
    """What became of the inputs of a kind."""

    counts: Counter[str]
    seconds: float = 0.0
    slowest: float = 0.0
    first_failure: str = ""


def fuzz(kind: str, count: int, seed: int, good: dict[str, list[str]]) -> Tally:
    """Tries ``count`` inputs."""
    tally, attempt = Tally(Counter()), TRIES[kind]
    for number in range(count):
        text = make_input(kind, number, seed, good)
        begun = time.perf_counter()
        try:
            outcome = "read" if attempt(text) else "refused"
        except Exception as error:  # whatever it is, it is what is looked for here
            outcome = "failed"
            tally.first_failure = tally.first_failure or f"input {number}, {type(error).__name__}: {error}"
        taken = time.perf_counter() - begun
        tally.seconds, tally.slowest = tally.seconds + taken, max(tally.slowest, taken)
        tally.counts[outcome] += 1
    return tally


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the bench."""
    parser.add_argument("--inputs", type=int, default=100_000, help="in all (default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="10000 inputs")
    parser.add_argument("--seed", type=int, default=0, help="of the inputs (default: %(default)s)")


def run(args: argparse.Namespace) -> list[dict[str, Any]]:
    """A record for each kind of input."""
    inputs = 10_000 if args.quick else args.inputs
    if inputs < 1:
        raise InvalidInputError(f"--inputs is {inputs}; allowed: 1 and more")
    good, records = corpus(), []
    for kind, share in SHARES.items():
        tally = fuzz(kind, max(1, round(inputs * share)), args.seed, good)
        records.append({
            "kind": kind, "inputs": tally.counts.total(), **{name: tally.counts[name] for name in OUTCOMES},
            "seconds": tally.seconds, "slowest_ms": 1e3 * tally.slowest, "passed": not tally.counts["failed"],
            "first_failure": tally.first_failure or None, "seed": args.seed,
        })  # fmt: skip
    return records


OUTCOMES = ("read", "refused", "failed")
