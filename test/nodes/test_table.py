# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The table of nodes, its arguments, the parameters file and the launch file: all name what exists."""

import ast
import importlib
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from lbp_fakes import save_fake

from robot_planner.errors import InvalidInputError, UnknownNameError
from robot_planner.nodes.base import CommonParameters
from robot_planner.nodes.docs import node_class, topics_of
from robot_planner.nodes.parameters import specify
from robot_planner.nodes.table import ARGUMENTS, KIND_FILES, NODES, PARAMETERS_FILE, resolve
from robot_planner.resources import resource

LAUNCH_FILE = resource("launch", "robot_planner.launch.py")


def parameters_of(node):
    kind = node_class(node)
    specs = specify(CommonParameters) + specify(kind.parameters_class)
    for prefix, group in kind.parameter_groups().items():
        specs += specify(group, prefix)
    return {spec.name: spec for spec in specs}


@pytest.mark.parametrize("node", NODES, ids=lambda node: node.name)
def test_every_node_is_a_module_with_a_main_and_its_topics(node):
    kind = node_class(node)
    assert kind.node_name == node.name
    assert callable(importlib.import_module(node.module).main)
    assert set(node.topics) <= topics_of(kind)


def test_every_node_has_an_executable_of_its_name():
    setup = Path(sys.modules["robot_planner"].__file__).parents[1] / "setup.py"
    if not setup.is_file():
        pytest.skip("not a checkout")
    text = setup.read_text()
    assert "robot_planner.nodes.{node}:main" in text
    assert all(f'"{node.name}"' in text for node in NODES)


def test_every_argument_reaches_parameters_and_topics_that_exist():
    nodes = {node.name: node for node in NODES}
    for argument in ARGUMENTS:
        assert argument.about.endswith(".")
        assert not argument.choices or argument.default in argument.choices
        for target in argument.parameters:
            node, _, parameter = target.partition(".")
            assert parameter in parameters_of(nodes[node])
        assert not argument.topic or any(argument.topic in node.topics for node in NODES)
    remappable = {argument.topic for argument in ARGUMENTS}
    assert {topic for node in NODES for topic in node.topics} <= remappable


def flat(parameters, prefix=""):
    """Parameters as ROS names them: groups are joined by points."""
    for name, value in parameters.items():
        yield from flat(value, f"{prefix}{name}.") if isinstance(value, dict) else [(f"{prefix}{name}", value)]


@pytest.mark.parametrize("path", [PARAMETERS_FILE, *KIND_FILES.values()])
def test_the_parameters_files_hold_allowed_values_of_parameters_that_exist(path):
    content = yaml.safe_load(resource(*path).read_text())
    assert set(content) == {f"/**/{node.name}" for node in NODES}
    for node in NODES:
        specs = parameters_of(node)
        for name, value in flat(content[f"/**/{node.name}"]["ros__parameters"]):
            specs[name].check(value)


def starts(*args, **kwargs):
    return {start.node.name: start for start in resolve(*args, **kwargs)}


def test_all_nodes_start_by_themselves_as_a_rule():
    found = starts()
    assert list(found) == ["simulation", "perception", "planner", "policy"]
    assert all(start.parameters == {"autostart": True} for start in found.values())
    command = found["planner"].command()
    assert command[:4] == [sys.executable, "-m", "robot_planner.nodes.planner", "--ros-args"]
    assert str(resource(*PARAMETERS_FILE)) in command


def test_arguments_become_parameters_remappings_and_choices_of_nodes():
    found = starts(
        {"model": "m", "device": "cuda:1", "algorithm": "cem", "camera": "/cam/color", "joint_trajectory": "/arm/go"}
    )
    assert found["perception"].parameters["model"] == found["planner"].parameters["model"] == "m"
    assert found["planner"].parameters["algorithm"] == "cem"
    assert found["perception"].remappings == (("front/image_raw", "/cam/color"),)
    assert found["policy"].remappings == (("joint_trajectory", "/arm/go"),)
    assert "model" not in found["policy"].parameters
    assert "simulation" not in starts({"simulation": "false"})
    assert list(starts({"role": "compute"})) == ["perception", "planner"]
    assert list(starts({"role": "compute", "tasks": "true"})) == ["perception", "planner", "task_planner"]
    assert "task_planner" in starts({"tasks": "true"})
    assert list(starts({"role": "robot"})) == ["policy"]


def test_a_model_that_takes_texts_brings_its_parameters_and_goes_to_the_policy_too(tmp_path):
    folder = str(save_fake(tmp_path / "fake"))
    found = starts({"model": folder, "params_file": "mine.yaml"})
    files = [str(resource(*PARAMETERS_FILE)), str(resource(*KIND_FILES["lbp"])), "mine.yaml"]
    assert all(start.parameter_files == tuple(files) for start in found.values())
    named = [found[node].parameters[name] for node, name in
             (("perception", "model"), ("planner", "model"), ("policy", "subgoal_model"))]  # fmt: skip
    assert named == [folder] * 3
    for other in ("tabletop", "nowhere", ""):
        found = starts({"model": other})
        assert found["policy"].parameter_files == (files[0],)
        assert "subgoal_model" not in found["policy"].parameters


def test_simulated_time_comes_from_the_simulation_and_goes_to_the_others():
    found = starts({"use_sim_time": "true"})
    assert found["simulation"].parameters["publish_clock"] is True
    assert "use_sim_time" not in found["simulation"].parameters
    assert all(found[name].parameters["use_sim_time"] is True for name in ("perception", "planner", "policy"))


def test_overrides_go_to_one_node_and_text_stays_text():
    found = starts(overrides={"planner.model": "1", "policy.max_velocity": [1.0, 2.0], "planner.tolerance": 0.5})
    assert "model:='1'" in found["planner"].command()
    assert "max_velocity:=[1.0, 2.0]" in found["policy"].command()
    assert "tolerance:=0.5" in found["planner"].command()


@pytest.mark.parametrize(
    ("values", "overrides", "words"),
    [
        ({"devise": "cpu"}, {}, "unknown argument 'devise'; valid: algorithm"),
        ({"simulation": "maybe"}, {}, "simulation is 'maybe'; allowed: true, false"),
        ({"role": "cook"}, {}, "allowed: all, simulation, compute, robot"),
        ({}, {"plannner.model": "x"}, "unknown node 'plannner'; valid: perception"),
    ],
)
def test_wrong_arguments_are_answered_with_what_is_allowed(values, overrides, words):
    with pytest.raises((UnknownNameError, InvalidInputError), match=words):
        resolve(values, overrides)


# --- the launch file ---


def test_the_launch_file_takes_everything_from_the_table():
    tree = ast.parse(LAUNCH_FILE.read_text())
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert {"ARGUMENTS", "resolve"} <= imported
    texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    assert not texts & {node.name for node in NODES}, (
        "a node that is named in the launch file is not in the table's hand"
    )


class Recorder:
    """Stands for a class of launch: keeps how it was made."""

    def __init__(self, *args, **kwargs):
        self.args, self.kwargs = args, kwargs


class Configuration(Recorder):
    def perform(self, context):
        return context[self.args[0]]


def test_the_launch_file_starts_the_nodes_of_the_table(monkeypatch):
    """With stand-ins for launch, so that it is run where launch is not installed."""
    fakes = {
        "launch": SimpleNamespace(LaunchContext=dict, LaunchDescription=Recorder),
        "launch.actions": SimpleNamespace(
            DeclareLaunchArgument=Recorder, OpaqueFunction=Recorder, SetEnvironmentVariable=Recorder, Shutdown=Recorder
        ),
        "launch.substitutions": SimpleNamespace(LaunchConfiguration=Configuration),
        "launch_ros": SimpleNamespace(),
        "launch_ros.actions": SimpleNamespace(LifecycleNode=Recorder),
    }
    for name, fake in fakes.items():
        monkeypatch.setitem(sys.modules, name, fake)
    scope = {}
    exec(compile(LAUNCH_FILE.read_text(), LAUNCH_FILE, "exec"), scope)
    (entities,) = scope["generate_launch_description"]().args
    declared = [entity for entity in entities if "default_value" in entity.kwargs]
    assert [entity.args[0] for entity in declared] == [argument.name for argument in ARGUMENTS]
    assert all(entity.kwargs["description"] for entity in declared)
    opaque = next(entity.kwargs["function"] for entity in entities if "function" in entity.kwargs)
    context = {argument.name: argument.default for argument in ARGUMENTS}
    context |= {"namespace": "lab", "camera": "/cam", "tasks": "true"}
    nodes = opaque(context)
    assert [node.kwargs["name"] for node in nodes] == [entry.name for entry in NODES]
    perception = next(node.kwargs for node in nodes if node.kwargs["name"] == "perception")
    assert perception["executable"] == sys.executable
    assert perception["arguments"] == ["-m", "robot_planner.nodes.perception"]
    assert perception["namespace"] == "lab"
    assert perception["remappings"] == [("front/image_raw", "/cam")]
    assert perception["parameters"][-1] == {"autostart": True}
    assert "on_exit" in perception


def test_the_launch_file_is_understood_by_launch():
    launch = pytest.importorskip("launch", reason="launch is only in a ROS install")
    pytest.importorskip("launch_ros", reason="launch_ros is only in a ROS install")
    if not hasattr(launch, "LaunchContext"):
        pytest.skip("'launch' is the folder of launch files, not the package")
    scope = {}
    exec(compile(LAUNCH_FILE.read_text(), LAUNCH_FILE, "exec"), scope)
    description = scope["generate_launch_description"]()
    assert {action.name for action in description.get_launch_arguments()} == {argument.name for argument in ARGUMENTS}
    context = launch.LaunchContext()
    context.launch_configurations.update({argument.name: argument.default for argument in ARGUMENTS})
    context.launch_configurations["tasks"] = "true"
    assert len(scope["start_nodes"](context)) == len(NODES)
