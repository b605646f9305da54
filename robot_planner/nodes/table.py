# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The table of nodes, and of what can be chosen when they start: for ``ros2 launch`` and ``robot-planner up`` alike."""

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from robot_planner.errors import InvalidInputError, UnknownNameError
from robot_planner.resources import model_kind, resource

PARAMETERS_FILE = ("config", "robot_planner.yaml")
"""Parameters of all nodes; a params_file adds to it."""
KIND_FILES = {"lbp": ("config", "lbp.yaml")}
"""Parameters that are read next where the model asked for is of this kind."""
KIND_PARAMETERS = {"lbp": ("policy.subgoal_model",)}
"""``node.parameter`` that get the model's name, too, where it is of this kind."""


@dataclass(frozen=True)
class NodeEntry:
    """One node of the graph, a process of its own."""

    name: str
    role: str
    """The machine that it belongs on: compute, robot or simulation."""
    about: str
    topics: tuple[str, ...] = ()
    """Topics that can be remapped by an argument."""

    switch: str = ""
    """Argument that must be true for it to start; empty: it always does."""
    module: str = ""
    """Module that runs it: ``python -m``; its ``main`` is the executable of this node's name."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "module", self.module or f"robot_planner.nodes.{self.name}")


NODES = (
    NodeEntry(
        "simulation",
        "simulation",
        "the embedded tabletop: arm, cameras, clock",
        (
            "front/image_raw",
            "wrist/image_raw",
            "joint_states",
            "joint_trajectory",
            "joint_commands",
            "gripper_commands",
        ),
        switch="simulation",
    ),
    NodeEntry("perception", "compute", "images to latents", ("front/image_raw", "wrist/image_raw")),
    NodeEntry("planner", "compute", "latents and a goal to plans or subgoals", ("joint_states",)),
    NodeEntry(
        "policy",
        "robot",
        "plans or subgoals to arm commands, within limits",
        ("joint_states", "joint_trajectory", "joint_commands", "gripper_commands"),
    ),
    NodeEntry("task_planner", "compute", "tasks to plans that stand still, and their steps to the arm", switch="tasks"),
)
ROLES = ("all", *dict.fromkeys(node.role for node in NODES))
LOG_LEVELS = ("debug", "info", "warn", "error", "fatal")


@dataclass(frozen=True)
class Argument:
    """Something that can be chosen when the nodes start; an empty value leaves all as the parameters file says."""

    name: str
    default: str
    about: str
    choices: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    """``node.parameter`` that get the value."""
    topic: str = ""
    """Topic that is remapped to the value, in every node that lists it."""


SWITCH = ("true", "false")
ARGUMENTS = (
    Argument("namespace", "", "Namespace of all nodes and topics."),
    Argument("params_file", "", "YAML file of parameters, read after the package's own."),
    Argument("simulation", "true", "Start the simulation; false: a robot or another simulator is there.", SWITCH),
    Argument("tasks", "false", "Start the task planner, too; in its domain tabletop it moves this arm.", SWITCH),
    Argument("use_sim_time", "false", "Time from /clock, which the simulation then publishes.", SWITCH),
    Argument("device", "", "Torch device that encodes and plans.", (), ("perception.device", "planner.device")),
    Argument("algorithm", "", "Planner for goals that name none.", (), ("planner.algorithm",)),
    Argument(
        "model",
        "",
        "Shipped model, or model folder; one of kind lbp (tidy) takes texts, and config/lbp.yaml with it.",
        (),
        ("perception.model", "planner.model"),
    ),
    Argument("camera", "", "Topic of the front camera's images.", topic="front/image_raw"),
    Argument("wrist_camera", "", "Topic of the wrist camera's images.", topic="wrist/image_raw"),
    Argument("joint_states", "", "Topic of the joint states.", topic="joint_states"),
    Argument("joint_trajectory", "", "Topic of the arm command as JointTrajectory.", topic="joint_trajectory"),
    Argument("joint_commands", "", "Topic of the arm command as Float64MultiArray.", topic="joint_commands"),
    Argument("gripper_commands", "", "Topic of the gripper's opening.", topic="gripper_commands"),
    Argument("role", "all", "Start only the nodes of this machine.", ROLES),
    Argument("log_level", "info", "Least severity that is logged.", LOG_LEVELS),
    Argument("autostart", "true", "Bring the nodes to active; false: a lifecycle manager does.", SWITCH),
)


@dataclass(frozen=True)
class NodeStart:
    """How one node is started."""

    node: NodeEntry
    namespace: str = ""
    parameter_files: tuple[str, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    remappings: tuple[tuple[str, str], ...] = ()
    log_level: str = "info"

    def command(self) -> list[str]:
        """The command line, for where there is no launch_ros."""
        words = [sys.executable, "-m", self.node.module, "--ros-args", "--log-level", self.log_level]
        words += ["-r", f"__ns:=/{self.namespace.strip('/')}"] if self.namespace else []
        for path in self.parameter_files:
            words += ["--params-file", path]
        for name, value in self.parameters.items():
            words += ["-p", f"{name}:={_yaml(value)}"]
        for old, new in self.remappings:
            words += ["-r", f"{old}:={new}"]
        return words


def resolve(
    values: Mapping[str, str] | None = None,
    overrides: Mapping[str, Any] | None = None,
    nodes: Iterable[NodeEntry] = NODES,
) -> list[NodeStart]:
    """What to start for these arguments; ``overrides`` sets further parameters, by ``node.parameter``.

    Raises UnknownNameError, InvalidInputError.
    """
    chosen = {argument.name: argument.default for argument in ARGUMENTS}
    for name, value in (values or {}).items():
        argument = next((argument for argument in ARGUMENTS if argument.name == name), None)
        if argument is None:
            raise UnknownNameError("argument", name, chosen)
        if argument.choices and value not in argument.choices:
            raise InvalidInputError(f"{name} is '{value}'; allowed: {', '.join(argument.choices)}")
        chosen[name] = value
    kind = model_kind(chosen["model"]) if chosen["model"] else ""
    files = [str(resource(*path)) for path in (PARAMETERS_FILE, KIND_FILES.get(kind)) if path]
    files += [chosen["params_file"]] * bool(chosen["params_file"])
    started = [node for node in nodes if _is_wanted(node, chosen)]
    parameters: dict[str, dict[str, Any]] = {node.name: _common(node, chosen) for node in started}
    for argument in ARGUMENTS:
        further = KIND_PARAMETERS.get(kind, ()) if argument.name == "model" else ()
        for target in (*argument.parameters, *further) if chosen[argument.name] else ():
            node_name, _, parameter = target.partition(".")
            if node_name in parameters:
                parameters[node_name][parameter] = chosen[argument.name]
    for target, value in (overrides or {}).items():
        node_name, _, parameter = target.partition(".")
        if node_name not in {node.name for node in NODES} or not parameter:
            raise UnknownNameError("node", node_name, (node.name for node in NODES))
        if node_name in parameters:
            parameters[node_name][parameter] = value
    topics = {
        argument.topic: chosen[argument.name] for argument in ARGUMENTS if argument.topic and chosen[argument.name]
    }
    return [
        NodeStart(
            node,
            chosen["namespace"],
            tuple(files),
            parameters[node.name],
            tuple((topic, topics[topic]) for topic in node.topics if topic in topics),
            chosen["log_level"],
        )
        for node in started
    ]


def _is_wanted(node: NodeEntry, chosen: Mapping[str, str]) -> bool:
    if node.switch and chosen[node.switch] != "true":
        return False
    return chosen["role"] in ("all", node.role)


def _common(node: NodeEntry, chosen: Mapping[str, str]) -> dict[str, Any]:
    parameters: dict[str, Any] = {"autostart": chosen["autostart"] == "true"}
    if chosen["use_sim_time"] == "true":
        # who makes the clock can't live by it
        parameters["publish_clock" if node.role == "simulation" else "use_sim_time"] = True
    return parameters


def _yaml(value: Any) -> str:
    """A value as the YAML that ``-p`` takes; text is quoted, so that "1" stays text."""
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_yaml(item) for item in value)}]"
    return str(value).lower() if isinstance(value, bool) else repr(value)
