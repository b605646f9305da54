# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The outer loop: whose answer counts, what the model is told, and every way to end."""

import dataclasses
import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robot_planner.errors import InvalidInputError
from robot_planner.task_planning.feedback import CHECKER, ENVIRONMENT, WORLD_MODEL, Feedback
from robot_planner.task_planning.language_model import Generation, GenerationCancelledError, LanguageModelError
from robot_planner.task_planning.nested import Budgets, NestedLoop, Stop
from robot_planner.task_planning.plan import Step, TaskPlan

TOKENS = 4


def plan(letters):
    return TaskPlan(tuple(Step(letter) for letter in letters))


def letters(given):
    return "-" if given is None else "".join(step.action for step in given.steps)


class Model:
    """Writes the n-th of ``plans`` after n answers (the last one for ever), by way of a first draft "Z"; polls."""

    def __init__(self, plans, detour=False, cancelled=lambda: False, anew=None):
        """``anew``: what each restart writes."""
        self.plans, self.detour, self.cancelled, self.anew = plans, detour, cancelled, anew
        self.told, self.starts, self.restarts = [], [], []

    def __call__(self, attempts, restart):
        self.restarts.append(restart)
        if restart and self.anew is not None:
            return lambda draft, max_tokens: Generation(str(plan(self.anew[restart - 1])), new_tokens=TOKENS)
        self.told.append([(letters(tried), feedback.source) for tried, feedback in attempts])
        target = plan(self.plans[min(len(self.told), len(self.plans)) - 1])
        first = True

        def refine(draft, max_tokens):
            nonlocal first
            for _ in range(TOKENS):
                if self.cancelled():
                    raise GenerationCancelledError("stop")
            if first:
                self.starts.append(letters(draft))
            detour, first = first and self.detour, False
            text = str(plan("Z") if detour else target) if max_tokens >= TOKENS else ""
            return Generation(text, new_tokens=min(TOKENS, max_tokens), forwards=2)

        return refine


class Judge:
    """A tester that accepts some plans and names step 0 of the others."""

    def __init__(self, good=(), source=ENVIRONMENT):
        self.good, self.source, self.asked = good, source, []

    def test(self, tried):
        self.asked.append(letters(tried))
        if letters(tried) in self.good:
            return Feedback(True, source=self.source)
        return Feedback(False, 0, "it is locked", ("on(<a> (1))",), self.source)


def refuse(*bad):
    return lambda tried: Feedback(False, 0, "no such thing") if letters(tried) in bad else None


def loop(model, **options):
    given = {key: options.pop(key) for key in list(options) if key in Budgets.__dataclass_fields__}
    budgets = Budgets(**{"restarts": 0, **given})
    return NestedLoop(model, budgets=budgets, **options)


def test_a_plan_with_known_faults_is_written_anew_until_one_has_none():
    """By the checker alone: neither is tried, and the model's own next text is what the environment sees."""
    faults = {"B": 2, "C": 1, "D": 0}
    model, world = Model(["A", "B"], anew=["C", "D", "E"]), Judge(["D"])
    result = loop(model, environment=world, restarts=3, faults=lambda tried: faults.get(letters(tried), 0)).run()
    assert result.stop is Stop.SUCCESS and world.asked == ["A", "D"]
    assert model.restarts == [0, 0, 1, 2, 0]  # what the second restart wrote is refined once more, as any plan
    assert result.rounds[1].equilibrium.faults == 0
    written = [letters(draft.plan) for draft in result.rounds[1].equilibrium.drafts]
    assert written == ["B", "B", "C", "D", "B", "B"]


def test_the_least_faulty_plan_stands_where_no_restart_has_a_better_one():
    faults = {"B": 2, "C": 3, "D": 1, "E": 1}
    model, world = Model(["A", "B"], anew=["C", "D", "E"]), Judge()
    options = {"corrections": 1, "iterations": 1, "restarts": 3}
    loop(model, environment=world, faults=lambda tried: faults.get(letters(tried), 0), **options).run()
    assert world.asked == ["A", "D"]
    assert model.restarts == [0, 0, 1, 2, 3]


def test_where_only_fixed_points_are_tried_a_restart_that_moves_on_does_not_displace_one():
    world = Judge(["B"])
    options = {"environment": world, "restarts": 3, "only_fixed_points": True}
    result = loop(Model(["B"], anew=["C", "D", "E"]), faults=lambda tried: 1, **options).run()
    assert result.stop is Stop.SUCCESS and result.rounds[0].equilibrium.converged


def test_a_plan_that_was_answered_already_is_a_reason_to_begin_anew():
    model, world = Model(["A"], anew=["A", "B"]), Judge(["B"])
    result = loop(model, environment=world, restarts=2, iterations=1).run()
    assert result.stop is Stop.SUCCESS and world.asked == ["A", "B"]


def test_the_first_round_begins_without_a_draft_and_is_not_begun_so_again():
    model = Model(["A"], anew=["B", "C"])
    loop(model, environment=Judge(), restarts=2, corrections=0, iterations=1, faults=lambda tried: 1).run()
    assert model.restarts == [0, 2]


def test_restarts_spend_the_same_budget():
    model, world = Model(["A", "B"], anew=["C", "D", "E"]), Judge()
    result = loop(
        model,
        environment=world,
        restarts=3,
        iterations=1,
        tokens=3 * TOKENS,
        faults=lambda tried: letters(tried) != "A",
    ).run()
    assert result.stop is Stop.TOKENS and result.tokens == 3 * TOKENS and model.restarts == [0, 0, 1]


def test_it_corrects_until_the_environment_is_content():
    model, world = Model(["A", "AB", "ABC"]), Judge(["ABC"])
    result = loop(model, environment=world).run()
    assert result.success and result.stop is Stop.SUCCESS and result.plan == plan("ABC")
    assert world.asked == ["A", "AB", "ABC"] and model.starts == ["-", "A", "AB"]
    assert model.told[2] == [("A", ENVIRONMENT), ("AB", ENVIRONMENT)]
    assert result.steps == 1 + 1 + 3 and len(result.rounds) == 3
    assert result.tokens == 6 * TOKENS and result.forwards == 12
    json.dumps(result.record(), allow_nan=False)


def test_a_warm_start_is_the_first_draft():
    model = Model(["AB"])
    assert loop(model, environment=Judge(["AB"])).run(plan("AB")).success
    assert model.starts == ["AB"] and len(model.told) == 1


def test_two_equal_equilibria_end_the_loop_without_trying_the_plan_again():
    world = Judge()
    result = loop(Model(["A", "B"]), environment=world).run()
    assert result.stop is Stop.EQUAL_EQUILIBRIA and world.asked == ["A", "B"] and not result.success
    assert len(result.rounds) == 3 and result.rounds[-1].feedback == ()


def test_a_warm_start_that_stands_still_is_tried_all_the_same():
    assert loop(Model(["A"]), environment=Judge(["A"])).run(plan("A")).success


def test_an_earlier_plan_that_comes_back_later_is_tried_again():
    world = Judge()
    assert loop(Model(["A", "B", "A", "A"]), environment=world).run().stop is Stop.EQUAL_EQUILIBRIA
    assert world.asked == ["A", "B", "A"]


def test_corrections_are_counted_after_the_first_round():
    plans = ["A", "B", "C", "D", "E"]
    for corrections in (0, 2):
        world = Judge()
        result = loop(Model(plans), environment=world, corrections=corrections).run()
        assert result.stop is Stop.CORRECTIONS and len(world.asked) == 1 + corrections


def test_world_model_and_environment_take_turns_and_the_world_model_is_forgotten_once_the_environment_speaks():
    model, guess, world = Model(["A", "B", "C", "D", "E"]), Judge(source=WORLD_MODEL), Judge()
    loop(model, world_model=guess, environment=world, corrections=4).run()
    assert guess.asked == ["A", "C", "E"] and world.asked == ["B", "D"]
    assert model.told[1] == [("A", WORLD_MODEL)]
    assert model.told[2] == [("B", ENVIRONMENT)]
    assert model.told[3] == [("B", ENVIRONMENT), ("C", WORLD_MODEL)]
    assert model.told[4] == [("B", ENVIRONMENT), ("D", ENVIRONMENT)]


def test_what_the_world_model_approves_the_environment_judges_at_once():
    guess, world = Judge(["A"], WORLD_MODEL), Judge(["B"])
    result = loop(Model(["A", "B"]), world_model=guess, environment=world).run()
    assert result.success and guess.asked == ["A", "B"] and world.asked == ["A", "B"]
    assert [feedback.source for feedback in result.rounds[0].feedback] == [WORLD_MODEL, ENVIRONMENT]


def test_a_plan_that_the_world_model_could_not_change_goes_to_the_environment():
    guess, world = Judge(source=WORLD_MODEL), Judge(["A"])
    result = loop(Model(["A"]), world_model=guess, environment=world).run()
    assert result.success and guess.asked == world.asked == ["A"]


def test_a_prediction_is_no_success():
    result = loop(Model(["A"]), world_model=Judge(["A"], WORLD_MODEL)).run()
    assert result.stop is Stop.PREDICTED_SUCCESS and not result.success


def test_a_world_model_cannot_pass_for_the_environment():
    result = loop(Model(["A", "B"]), world_model=Judge(["A"], ENVIRONMENT)).run()
    assert result.stop is Stop.PREDICTED_SUCCESS and result.rounds[0].feedback[0].source == WORLD_MODEL


def test_what_the_checker_refuses_is_never_tried():
    model, world = Model(["A", "B"]), Judge(["B"])
    result = loop(model, environment=world, refusal=refuse("A")).run()
    assert result.success and world.asked == ["B"] and result.steps == 1
    assert model.told[1] == [("A", CHECKER)]


def test_a_refused_plan_that_does_not_change_ends_the_loop():
    world = Judge(["A"])
    result = loop(Model(["A"]), environment=world, refusal=refuse("A")).run()
    assert result.stop is Stop.REFUSED and not world.asked and len(result.rounds) == 2


def test_without_testers_one_equilibrium_is_the_result():
    result = loop(Model(["A"], detour=True)).run()
    assert (result.stop, result.plan, len(result.rounds)) == (Stop.UNTESTED, plan("A"), 1)
    assert loop(Model(["A"]), refusal=refuse("A")).run().stop is Stop.REFUSED


def test_all_attempts_are_handed_on():
    model = Model(["A", "B", "C", "D"])
    loop(model, environment=Judge(), corrections=3).run()
    assert [[tried for tried, _ in told] for told in model.told] == [[], ["A"], ["A", "B"], ["A", "B", "C"]]


def test_no_step_is_executed_beyond_the_budget():
    world = Judge()
    result = loop(Model(["A", "AB", "ABC"]), environment=world, steps=2).run()
    assert result.stop is Stop.STEPS and world.asked == ["A"] and result.steps == 1


def test_no_token_is_written_beyond_the_budget():
    for tokens in range(1, 30):
        result = loop(Model(["A", "B", "C", "D"]), environment=Judge(), tokens=tokens, corrections=3).run()
        assert result.tokens <= tokens
        assert result.stop is (Stop.TOKENS if tokens < 8 * TOKENS else Stop.CORRECTIONS)


def test_time_that_is_up_ends_the_loop():
    assert loop(Model(["A"]), environment=Judge(), seconds=0.0).run().stop is Stop.SECONDS


@pytest.mark.parametrize("refined", ["A", "what?"])
def test_only_fixed_points_are_tried_on_demand(refined):
    def f(attempts, restart):
        replies = iter(["A", "B"] + [refined] * 3)
        return lambda draft, max_tokens: Generation(next(replies) if refined == "what?" and draft else "x\nEND")

    def ring(attempts, restart):
        moves = {"-": "A", "A": "B", "B": "A"}
        return lambda draft, max_tokens: Generation(str(plan(moves[letters(draft)])))

    world = Judge(["A"])
    assert loop(ring, environment=world, only_fixed_points=True).run().stop is Stop.CYCLE
    assert loop(Model(["A"]), environment=world, only_fixed_points=True, iterations=1).run().stop is Stop.NOT_CONVERGED
    assert not world.asked
    assert loop(ring, environment=world).run().success
    assert loop(f, environment=world).run().stop is Stop.NO_PLAN


@pytest.mark.parametrize("late", [False, True])
def test_nothing_is_tried_after_a_cancel(late):
    stopped, world = [], Judge(["A"])

    class Guess(Judge):
        def test(self, tried):
            stopped.append(late)
            return super().test(tried)

    def on_event(event):
        if event.stage == "refining" and event.residual == 0.0 and not late:
            stopped.append(True)

    model, guess = Model(["A"]), Guess(["A"], WORLD_MODEL)
    result = loop(model, environment=world, world_model=guess, cancelled=lambda: any(stopped), on_event=on_event).run()
    assert result.stop is Stop.CANCELLED and result.plan == plan("A")
    assert not world.asked and guess.asked == (["A"] if late else [])


def test_what_fails_is_raised():
    def broken(attempts, restart):
        def refine(draft, max_tokens):
            raise LanguageModelError("gone")

        return refine

    with pytest.raises(LanguageModelError, match="gone"):
        loop(broken).run()


def test_events_tell_what_happens():
    events = []
    loop(Model(["A", "B"], detour=True), environment=Judge(["B"]), on_event=events.append).run()
    told = [(event.stage, event.outer, event.inner, letters(event.plan)) for event in events]
    inner = [("Z", 1), ("A", 2), ("A", 3)]
    assert told[:3] == [("refining", 0, count, name) for name, count in inner]
    assert told[3:5] == [("testing", 0, 3, "A"), ("feedback", 0, 3, "A")]
    assert told[5:7] == [("refining", 1, 1, "Z"), ("refining", 1, 2, "B")]
    assert told[-2:] == [("feedback", 1, 3, "B"), ("done", 1, 3, "B")]
    assert events[2].residual == 0.0 and events[-1].tokens == 6 * TOKENS
    assert events[2].feedback is None and not events[5].feedback.success and events[-1].feedback.success


def steady(result):
    """What must be equal from run to run."""

    def without_time(value):
        if isinstance(value, dict):
            return {key: without_time(item) for key, item in value.items() if "seconds" not in key}
        return [without_time(item) for item in value] if isinstance(value, list) else value

    return without_time(result.record())


@settings(max_examples=400, deadline=None)
@given(st.integers(0, 90), st.booleans(), st.booleans(), st.lists(st.sampled_from("ABCZ"), min_size=1, max_size=5))
def test_a_cancel_at_any_moment_leaves_a_whole_result(moment, mixed, strict, plans):
    def run(moment):
        polls = 0

        def cancelled():
            nonlocal polls
            polls += 1
            return polls > moment

        world, events = Judge(["C"]), []
        result = loop(
            Model(plans, detour=True, cancelled=cancelled), environment=world, cancelled=cancelled,
            world_model=Judge(["B", "C"]) if mixed else None, refusal=refuse("Z"), on_event=events.append,
            only_fixed_points=strict,
        ).run()  # fmt: skip
        return result, world, events, polls

    whole, _, _, needed = run(10**9)
    result, world, events, polls = run(moment)
    assert polls <= moment + 2  # asked once more at most: by whoever passes it on
    assert events[-1].stage == "done" and [event.stage for event in events].count("done") == 1
    assert result.tokens == events[-1].tokens == TOKENS * sum(event.stage == "refining" for event in events)
    if moment >= needed:
        assert steady(result) == steady(whole)
    else:
        assert result.stop is Stop.CANCELLED or result.success
        assert [e.plan for e in events[:-1]] == [e.plan for e in run(10**9)[2][: len(events) - 1]]
    assert len(world.asked) == sum(f.source == ENVIRONMENT for r in result.rounds for f in r.feedback)
    json.dumps(result.record(), allow_nan=False)


@pytest.mark.parametrize(("name", "value"), [("iterations", 0), ("tokens", 0), ("seconds", -1.0), ("corrections", -1)])
def test_budgets_that_cannot_be_are_refused(name, value):
    with pytest.raises(InvalidInputError, match=f"{name} is {value}; allowed"):
        Budgets(**{name: value})
    assert dataclasses.asdict(Budgets())[name] >= 0


def test_the_deadline_is_that_of_the_budget():
    before = time.monotonic()
    assert before + 5 <= loop(Model(["A"]), seconds=5.0).deadline <= time.monotonic() + 5
