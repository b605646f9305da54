# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The description is a sound URDF, and every simulator finds in it the names that the rest relies on."""

import shutil
import subprocess
import xml.etree.ElementTree as ElementTree

import mujoco
import numpy as np
import pytest

from robot_planner import description
from robot_planner.simulation.model import build_model
from robot_planner.simulation.tasks import manipulation
from robot_planner.simulation.workspace import BLOCK_SIZE


@pytest.fixture(scope="module", params=[True, False], ids=["scene", "arm alone"])
def robot(request) -> ElementTree.Element:
    return ElementTree.fromstring(description.urdf(request.param))


@pytest.fixture(scope="module")
def nominal() -> tuple[mujoco.MjModel, mujoco.MjData]:
    model = build_model()
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    return model, data


def test_links_form_one_tree(robot):
    links = [link.get("name") for link in robot.findall("link")]
    assert len(links) == len(set(links))
    parents = {joint.find("child").get("link"): joint.find("parent").get("link") for joint in robot.findall("joint")}
    assert set(links) - set(parents) == {"world"}
    assert set(parents) | set(parents.values()) <= set(links)
    for link in links:
        seen = set()
        while link in parents:
            assert link not in seen
            seen.add(link)
            link = parents[link]


def test_inertias_are_physical(robot):
    for link in robot.findall("link"):
        inertial = link.find("inertial")
        if inertial is None:
            assert link.find("collision") is None, f"{link.get('name')} collides but weighs nothing"
            continue
        assert float(inertial.find("mass").get("value")) > 0
        values = inertial.find("inertia").attrib
        moments = sorted(float(values[key]) for key in ("ixx", "iyy", "izz"))
        assert moments[0] > 0 and moments[0] + moments[1] >= moments[2] * (1 - 1e-9)


def test_moving_joints_have_limits(robot):
    moving = {joint.get("name"): joint for joint in robot.findall("joint") if joint.get("type") != "fixed"}
    assert {*description.ARM_JOINTS, *description.FINGER_JOINTS} <= set(moving)
    for joint in moving.values():
        limit = {key: float(value) for key, value in joint.find("limit").attrib.items()}
        assert limit["lower"] < limit["upper"] and limit["effort"] > 0 and limit["velocity"] > 0


def test_every_material_is_defined_once_and_used_by_name(robot):
    defined = [material.get("name") for material in robot.findall("material")]
    assert len(defined) == len(set(defined))
    assert {material.get("name") for material in robot.findall(".//visual/material")} <= set(defined)


@pytest.mark.skipif(shutil.which("check_urdf") is None, reason="check_urdf (liburdfdom-tools) is not installed")
def test_check_urdf_accepts_it(tmp_path):
    for scene in (True, False):
        path = tmp_path / "robot.urdf"
        path.write_text(description.urdf(scene))
        done = subprocess.run(["check_urdf", str(path)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_arm_alone_is_the_arm_of_the_scene():
    def joints(scene: bool) -> dict[str, str]:
        root = ElementTree.fromstring(description.urdf(scene))
        return {joint.get("name"): ElementTree.tostring(joint) for joint in root.findall("joint")}

    alone, whole = joints(False), joints(True)
    assert {name: whole[name] for name in alone} == alone
    assert set(whole) - set(alone) >= {"drawer_joint", "red_block_joint", "table_joint"}


def test_mujoco_model_has_the_actuators_cameras_and_free_blocks(nominal):
    model, _ = nominal
    assert [model.actuator(i).name for i in range(model.nu)] == [*description.ARM_JOINTS, *description.FINGER_JOINTS]
    assert {model.camera(i).name for i in range(model.ncam)} == set(description.CAMERAS)
    for color in description.BLOCKS:
        assert model.joint(f"{color}_block_joint").type[0] == mujoco.mjtJoint.mjJNT_FREE
        size = model.geom_size[model.geom(f"{color}_block").id]
        np.testing.assert_allclose(size, BLOCK_SIZE / 2)


def test_only_visuals_are_drawn_and_only_collisions_touch(nominal):
    model, _ = nominal
    visual = model.geom_group == 1
    assert not (model.geom_contype[visual] | model.geom_conaffinity[visual]).any()
    assert (model.geom_contype[~visual] > 0).all()


def test_places_that_tasks_know_are_those_of_the_description(nominal):
    """Bins, handle and drawer: the constants of the tasks against the compiled model."""
    model, data = nominal
    for name, middle in manipulation.BINS.items():
        np.testing.assert_allclose(data.body(f"bin_{name}").xpos[:2], middle, atol=1e-9)
    drawer = data.body("drawer")
    np.testing.assert_allclose(drawer.xpos[:2] + [0.0, -0.046], manipulation.HANDLE, atol=1e-9)
    assert model.joint("drawer_joint").range[1] == pytest.approx(manipulation.DRAWER_TRAVEL)
    geoms = np.flatnonzero(
        (model.geom_bodyid == model.body("drawer").id) & (model.geom_type == mujoco.mjtGeom.mjGEOM_BOX)
    )
    low = (data.geom_xpos[geoms] - model.geom_size[geoms]).min(0)
    high = (data.geom_xpos[geoms] + model.geom_size[geoms]).max(0)
    assert high[2] == pytest.approx(manipulation.DRAWER_HEIGHT)
    inside = manipulation.DRAWER_MIDDLE + np.outer([-1, 1], manipulation.DRAWER_HALF)
    assert (inside[0] > low[:2]).all() and (inside[1] < high[:2]).all()


def test_nothing_touches_in_the_nominal_pose_but_blocks_and_table(nominal):
    """Links that interpenetrate would show as contacts; the blocks stand on the table."""
    model, data = nominal
    for contact in data.contact:
        names = {model.body(int(model.geom_bodyid[geom])).name for geom in contact.geom}
        assert "table" in names and any(name.endswith("_block") for name in names), names


def test_front_camera_sees_bins_and_drawer_and_the_whole_plane(nominal):
    from robot_planner.simulation.workspace import TOOL_HIGH, TOOL_LOW

    model, data = nominal
    camera = model.camera("front").id
    half = np.tan(np.radians(model.cam_fovy[camera]) / 2)
    corners = [(x, y, 0.0) for x in (TOOL_LOW[0], TOOL_HIGH[0]) for y in (TOOL_LOW[1], TOOL_HIGH[1])]
    points = [*corners, *(np.append(middle, 0.0) for middle in manipulation.BINS.values()), (*manipulation.HANDLE, 0.0)]
    seen = (np.array(points) - data.cam_xpos[camera]) @ data.cam_xmat[camera].reshape(3, 3)
    assert (seen[:, 2] < 0).all()
    assert (np.abs(seen[:, :2] / -seen[:, 2:]) < half).all()
