# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The parallel refiner: f is one map, whose fixed points and gradients the solvers find, and which can be taught."""

import pytest
import torch

from robot_planner.errors import InvalidInputError
from robot_planner.task_planning.conditions import Fact
from robot_planner.task_planning.domain_file import load_domain
from robot_planner.task_planning.fixed_point import solve
from robot_planner.task_planning.implicit import SolverConfig, differentiable_point
from robot_planner.task_planning.network import StepNetwork, StepNetworkConfig
from robot_planner.task_planning.plan import ObjectRef, Step, TaskPlan
from robot_planner.task_planning.prompt import write_prompt, write_suffix
from robot_planner.task_planning.scene import Scene, Task, parse_goals
from robot_planner.task_planning.soft_refiner import SoftRefiner
from robot_planner.task_planning.tokens import PromptReader, WordList
from robot_planner.training.plan_batches import ExampleMaker, soft_context, soft_plans

DOMAIN = load_domain("tabletop")
WORDS = WordList.of([*DOMAIN.actions, *DOMAIN.relations, *DOMAIN.types])
CONFIG = StepNetworkConfig(words=len(WORDS), pieces=50, things=8, places=16, width=24, layers=2, heads=2)
DRAWER, BIN, STEPS = ObjectRef("drawer", 9), ObjectRef("bin_a", 8), 5


def example(blocks, goal, plan):
    things = {ObjectRef("block", at): "block" for at in range(blocks)} | {BIN: "bin", DRAWER: "drawer"}
    scene = Scene(DOMAIN, things, frozenset(Fact("on_table", (ObjectRef("block", at),)) for at in range(blocks)))
    task = Task("tidy up", parse_goals([goal], scene), scene)
    return ExampleMaker(PromptReader(WORDS), CONFIG).example(write_prompt(task), write_suffix(), plan, scene)


EXAMPLES = [
    example(1, "inside(<block> (0), <bin_a> (8))", TaskPlan((Step("PLACE", (ObjectRef("block", 0), BIN)),))),
    example(
        3,
        "inside(<block> (2), <drawer> (9))",
        TaskPlan((Step("OPEN", (DRAWER,)), Step("STOW", (ObjectRef("block", 2), DRAWER)))),
    ),
    example(2, "open(<drawer> (9))", TaskPlan((Step("OPEN", (DRAWER,)),))),
]


@pytest.fixture
def refiner():
    torch.manual_seed(0)
    return SoftRefiner(StepNetwork(CONFIG), STEPS).eval()


def test_a_row_depends_on_itself_alone(refiner):
    refiner.requires_grad_(False)
    context = soft_context(refiner.network, EXAMPLES)
    state = torch.randn(3, refiner.size(context), generator=torch.Generator().manual_seed(1))
    together = refiner.refine(state, context)
    changed = state.clone()
    changed[1] *= 2.0
    assert torch.equal(refiner.refine(changed, context)[[0, 2]], together[[0, 2]])
    assert not torch.allclose(refiner.refine(changed, context)[1], together[1])


def test_what_is_not_there_is_not_looked_at(refiner):
    """A scene beside larger ones gives what it gives alone; logits of what is not there change nothing."""
    refiner.requires_grad_(False)
    wide, alone = soft_context(refiner.network, EXAMPLES), soft_context(refiner.network, EXAMPLES[:1])
    parts = refiner.split(refiner.refine(refiner.start(wide), wide), wide)
    own = refiner.split(refiner.refine(refiner.start(alone), alone), alone)
    for part, single in zip(parts, own, strict=True):
        torch.testing.assert_close(part[0, :, : single.shape[2]], single[0], atol=1e-5, rtol=1e-4)
        assert (part[0, :, single.shape[2] :] == 0).all()
    state = refiner.start(wide)
    _, first, _ = refiner.split(state, wide)
    first[0, :, 4:] = 50.0  # the first scene has three things
    assert first.data_ptr() >= state.data_ptr()
    torch.testing.assert_close(refiner.refine(state, wide)[0], refiner.refine(refiner.start(wide), wide)[0])


def test_gradients_agree_with_finite_differences(refiner):
    refiner.double()
    with torch.no_grad():
        context = soft_context(refiner.network, EXAMPLES[:1])
    state = torch.randn(1, refiner.size(context), dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: refiner.refine(x, context), state, atol=1e-5, fast_mode=True)


def test_a_start_from_a_plan_says_that_plan(refiner):
    context = soft_context(refiner.network, EXAMPLES)
    plans, counted = soft_plans(EXAMPLES, STEPS)
    state = refiner.start(context, plans)
    for at, part in enumerate(refiner.split(state, context)):
        assert torch.equal(part.argmax(-1), plans[..., at])
    assert refiner.loss(state, plans, context) < 0.2 < refiner.loss(torch.zeros_like(state), plans, context)
    assert counted.sum(1).tolist() == [2, 3, 2]
    with pytest.raises(InvalidInputError, match="a plan of 2 steps; allowed: 1"):
        soft_plans(EXAMPLES, 2)


@pytest.mark.parametrize("gradient", ["one_step", "implicit"])
def test_it_is_taught_at_its_fixed_point(refiner, gradient):
    plans, _ = soft_plans(EXAMPLES, STEPS)
    optimizer = torch.optim.Adam(refiner.parameters(), 3e-3)
    config = SolverConfig("anderson", 1e-3, 12)
    for _ in range(160):
        context = soft_context(refiner.network, EXAMPLES)
        f = refiner.function(context)
        point = differentiable_point(f, refiner.start(context), gradient, forward=config, backward=config)
        loss = refiner.loss(point.x, plans, context)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(refiner.parameters(), 1.0)
        optimizer.step()
    refiner.requires_grad_(False)
    context = soft_context(refiner.network, EXAMPLES)
    for rule in ("picard", "anderson", "broyden"):
        found = solve(refiner.function(context), refiner.start(context), rule, tolerance=1e-4, cap=100)
        assert found.converged.all(), (rule, found.residual)
        for at, part in enumerate(refiner.split(found.x, context)):
            assert torch.equal(part.argmax(-1), plans[..., at]), rule
    cold = solve(refiner.function(context), refiner.start(context), "picard", tolerance=1e-4, cap=100)
    warm = solve(refiner.function(context), found.x, "picard", tolerance=1e-4, cap=100)
    assert warm.evaluations < cold.evaluations
