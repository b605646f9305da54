# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Parameters from dataclasses: declared with type, range and words, and refused with the reason."""

from dataclasses import dataclass

import pytest
from rclpy.parameter import Parameter

from robot_planner.errors import InvalidInputError
from robot_planner.nodes.base import ManagedNode
from robot_planner.nodes.parameters import ANY_TIME, AT_START, parameter, specify


@dataclass(frozen=True)
class Gains:
    gain: float = parameter(1.0, "Factor.", unit="V", minimum=0.0, maximum=10.0, changes=ANY_TIME)
    steps: int = parameter(3, "Number.", minimum=1)
    mode: str = parameter("slow", "Manner.", choices=("slow", "fast"))
    loud: bool = parameter(False, "Noise.", changes=AT_START)
    limits: tuple[float, ...] = parameter((1.0, 2.0), "Limits.", minimum=0.0)
    names: tuple[str, ...] = parameter(("a",), "Names.")
    low: float = parameter(0.0, "Must be below high.", changes=ANY_TIME)
    high: float = parameter(1.0, "Must be above low.", changes=ANY_TIME)

    def __post_init__(self):
        if self.low >= self.high:
            raise InvalidInputError(f"low ({self.low}) must be below high ({self.high})")


@dataclass(frozen=True)
class Plain:
    """As planners write theirs: metadata without our helper, and some fields without any."""

    depth: int = 2


class GainNode(ManagedNode):
    """For tests."""

    node_name = "gains"
    parameters_class = Gains

    @classmethod
    def parameter_groups(cls):
        return {"plain": Plain}


def test_defaults_and_overrides_fill_the_dataclass(graph):
    node = graph.start(GainNode, **{"gain": 2.5, "limits": [3.0], "plain.depth": 7})
    assert node.parameters == Gains(gain=2.5, limits=(3.0,))
    assert node.groups["plain"] == Plain(7)


def test_what_describes_a_parameter_is_there_for_tools(graph):
    node = graph.start(GainNode, active=False)
    gain = node.describe_parameter("gain")
    assert gain.description == "Factor. [V]"
    assert (gain.floating_point_range[0].from_value, gain.floating_point_range[0].to_value) == (0.0, 10.0)
    assert node.describe_parameter("steps").integer_range[0].from_value == 1
    assert "slow, fast" in node.describe_parameter("mode").additional_constraints
    assert node.describe_parameter("loud").read_only


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ({"gain": 11.0}, "parameter 'gain' is 11.0; allowed: a double in 0..10 V"),
        ({"gain": float("nan")}, "allowed: a double in 0..10 V"),
        ({"low": float("nan")}, "parameter 'low' is nan; allowed: a double"),
        ({"gain": 2}, "(write 2.0)"),
        ({"gain": "much"}, "parameter 'gain' is 'much'"),
        ({"steps": 0}, "allowed: an integer in 1.."),
        ({"steps": 2.0}, "parameter 'steps' is 2.0"),
        ({"mode": "medium"}, "allowed: slow, fast"),
        ({"limits": [1.0, -1.0]}, "parameter 'limits'"),
        ({"high": -1.0}, "low (0.0) must be below high (-1.0)"),
        ({"gian": 1.0}, "unknown parameter 'gian'; did you mean gain"),
        ({"plain.dept": 1}, "did you mean plain.depth"),
        ({"zzz": 1}, "there are: "),
    ],
)
def test_a_wrong_parameter_is_refused_at_the_start_in_one_line(graph, override, words):
    with pytest.raises(InvalidInputError) as caught:
        graph.start(GainNode, active=False, **override)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_changes_are_checked_and_take_effect_when_they_may(graph):
    node = graph.start(GainNode)
    heard = []
    node.parameters_changed = lambda: heard.append(node.parameters.gain)

    def put(**values):
        return node.set_parameters_atomically([Parameter(name, value=value) for name, value in values.items()])

    assert put(gain=4.0).successful
    assert node.parameters.gain == 4.0 and heard == [4.0]
    assert "unconfigured" in put(steps=5).reason
    assert "must be below" in put(low=2.0).reason
    assert put(low=2.0, high=3.0).successful
    assert not put(gain=float("inf")).successful
    assert not put(loud=True).successful
    assert node.parameters == Gains(gain=4.0, low=2.0, high=3.0)
    graph.change(node, "deactivate")
    graph.change(node, "cleanup")
    assert put(steps=5).successful
    graph.change(node, "configure")
    assert node.parameters.steps == 5


def test_a_field_of_a_type_that_ros_lacks_is_our_own_mistake():
    @dataclass
    class Odd:
        table: dict = None

    with pytest.raises(TypeError, match="Odd.table"):
        specify(Odd)
