# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Episodes as they could have been recorded: the tool goes along x, 25 images and plans a second; a tiny planner."""

from types import SimpleNamespace

import numpy as np
import pytest

from robot_planner.evaluation.recording import Frame, PlanEntry, Recording

SECOND = 1_000_000_000
BEGAN = 100 * SECOND
SPEED = 0.1
"""Of the tool along x [m/s]."""


def tool_at(seconds):
    return np.array([0.30 + SPEED * seconds, 0.0, 0.03])


def make_recording(seed=7, success=True, seconds=1.0, plans=True, **changes):
    """An episode of ``seconds`` whose distance falls from 0.2 to 0.01."""
    steps = round(25 * seconds)
    times = [BEGAN + step * SECOND // 25 for step in range(steps)]
    image = np.full((64, 64, 3), 90, np.uint8)
    recording = Recording("push", seed, "grasp", "tabletop", goal=image, time_limit=30.0)
    recording.camera_matrix = np.array([[64.0, 0, 31.5], [0, 64.0, 31.5], [0, 0, 1]])
    recording.began, recording.ended = BEGAN, BEGAN + int(seconds * SECOND)
    recording.frames = [Frame.of(image, time) for time in times]
    actions = np.tile(np.float32([SPEED * 0.2, 0.0]), (6, 1))
    if plans:
        recording.plans = [
            PlanEntry(time - SECOND // 20, time, actions, 0.2, 9.0 - index / 10, 4, 0.03, time)
            for index, time in enumerate(times)
        ]
        recording.image_ages = np.linspace(0.05, 0.12, steps).tolist()
        recording.periods, recording.latent_ages = [0.021] * steps, [0.01] * steps
    recording.tool_points = [(time, tool_at((time - BEGAN) / SECOND)) for time in times]
    recording.distances = [(time, 0.2 - 0.19 * index / steps) for index, time in enumerate(times)]
    recording.outcome = {
        "error_code": 0, "error": "NONE", "message": "", "distance": 0.01, "duration": seconds, "plans": steps,
    }  # fmt: skip
    limit = {"value": 0.012, "limit": 0.025}
    recording.verdict = {"success": success, "distance": 0.012, "detail": {"red_block_distance": limit}}
    for name, value in changes.items():
        setattr(recording, name, value)
    return recording


def camera_above():
    """(4, 4) pose of a camera 1 m above (0.4, 0, 0), x to the right of the picture, y down."""
    pose = np.eye(4)
    pose[:3, :3] = np.array([[1.0, 0, 0], [0, -1, 0], [0, 0, -1]])
    pose[:3, 3] = [0.4, 0.0, 1.03]
    return pose


@pytest.fixture(scope="session")
def recordings():
    """What makes them."""
    return SimpleNamespace(make_recording=make_recording, camera_above=camera_above, tool_at=tool_at, SECOND=SECOND)


@pytest.fixture(scope="session")
def tiny_planner(tmp_path_factory):
    """Folder of an untrained task planner that soon comes to the end of a plan."""
    import torch

    from robot_planner.task_planning.local_model import save_local_model
    from robot_planner.task_planning.network import StepNetwork, StepNetworkConfig
    from robot_planner.training.plan_lessons import word_list

    torch.manual_seed(0)
    words = word_list()
    network = StepNetwork(StepNetworkConfig(words=len(words), width=32, layers=1, heads=1))
    with torch.no_grad():
        network.actions.bias[words["END"]] = 2.0
    folder = tmp_path_factory.mktemp("model") / "tiny"
    save_local_model(network, words, folder, "tiny\n")
    return str(folder)
