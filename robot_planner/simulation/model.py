# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The MuJoCo model: the URDF of `robot_planner.description`, given actuators, cameras, lights and free blocks."""

import mujoco
import numpy as np

from robot_planner import description

# At 4 ms a block wedged under the fingers made the simulation diverge in 3 of 100 pushing episodes, at 2 ms in none.
TIMESTEP = 0.002
VISUAL_GROUP = 1
"""Geom group of what the URDF calls visual; group 0 is for collisions and never drawn."""
_STIFFNESS = {"pan": 9000.0, "lift": 9000.0, "elbow": 7000.0, "wrist": 1500.0}
_LAG = 0.025
"""Seconds by which a joint trails its command: damping over stiffness."""


def build_model() -> mujoco.MjModel:
    """Compiles the tabletop; joints, bodies and cameras keep the names of the URDF (cameras: front, wrist)."""
    spec = mujoco.MjSpec.from_string(description.urdf())
    spec.modelname = "tabletop"
    option = spec.option
    option.timestep = TIMESTEP
    # With "implicitfast", which leaves the gyroscopic terms out, light blocks wedged under the fingers blow up.
    option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICIT
    option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
    option.impratio = 5.0
    spec.visual.global_.offwidth, spec.visual.global_.offheight = 1920, 1080
    spec.visual.map.znear, spec.visual.map.zfar = 0.02, 20.0
    _finish_arm(spec)
    _finish_scene(spec)
    _add_actuators(spec)
    _add_cameras(spec)
    _add_lights(spec)
    for geom in spec.geoms:
        geom.material = "matte"
    return spec.compile()


def _descendants(body: mujoco.MjsBody) -> list[mujoco.MjsBody]:
    return [body, *(inner for child in body.bodies for inner in _descendants(child))]


def _finish_arm(spec: mujoco.MjSpec) -> None:
    """Weight carried by the joints, no collisions of the arm with itself, rubber on the fingers."""
    for body in _descendants(spec.body("base_link")):
        body.gravcomp = 1.0
        for geom in body.geoms:
            if geom.contype:
                geom.contype, geom.conaffinity = 2, 0
                if body.name.endswith("finger_link"):
                    geom.priority, geom.condim, geom.friction = 2, 4, [1.0, 0.02, 0.0001]
    for name in description.ARM_JOINTS:
        joint = spec.joint(name)
        joint.armature = 0.1 if "wrist" not in name else 0.02
    for name in description.FINGER_JOINTS:
        spec.joint(name).armature = 0.05
        spec.joint(name).damping[0] = 5.0
    # One motor closes both fingers.
    coupling = spec.add_equality(name="fingers", type=mujoco.mjtEq.mjEQ_JOINT)
    coupling.name1, coupling.name2 = description.FINGER_JOINTS
    coupling.objtype = mujoco.mjtObj.mjOBJ_JOINT
    coupling.data[:5] = [0.0, 1.0, 0.0, 0.0, 0.0]


def _finish_scene(spec: mujoco.MjSpec) -> None:
    """Frees the blocks, lets the drawer glide, and puts a floor under the table."""
    spec.add_material(name="matte", specular=0.05, shininess=0.1, rgba=[0.5, 0.5, 0.5, 1.0])
    for color in description.BLOCKS:
        body = spec.body(f"{color}_block")
        body.add_freejoint(name=f"{color}_block_joint")
        for geom in body.geoms:
            geom.name = f"{color}_block_visual" if not geom.contype else f"{color}_block"
            geom.condim, geom.priority = 4, 1
    for body in [spec.body("table"), spec.body("bin_a"), spec.body("bin_b"), spec.body("cabinet"), spec.body("drawer")]:
        for geom in body.geoms:
            if geom.contype:
                geom.contype, geom.conaffinity = 1, 3
    for color in description.BLOCKS:
        for geom in spec.body(f"{color}_block").geoms:
            if geom.contype:
                geom.contype, geom.conaffinity = 1, 3
    drawer = spec.joint("drawer_joint")
    drawer.damping[0], drawer.frictionloss = 4.0, 1.0
    for other in ("cabinet", "table"):
        spec.add_exclude(bodyname1="drawer", bodyname2=other)
    spec.worldbody.add_geom(
        name="floor",
        type=mujoco.mjtGeom.mjGEOM_PLANE,
        size=[12, 12, 1],
        pos=[0, 0, -0.75],
        rgba=[0.27, 0.27, 0.29, 1],
        group=VISUAL_GROUP,
        contype=0,
        conaffinity=0,
    )


def _add_actuators(spec: mujoco.MjSpec) -> None:
    """Stiff position servos, as an industrial arm's controller looks from outside."""
    for name in description.ARM_JOINTS:
        stiffness = next(value for part, value in _STIFFNESS.items() if part in name)
        joint = spec.joint(name)
        actuator = spec.add_actuator(name=name, target=name, trntype=mujoco.mjtTrn.mjTRN_JOINT)
        actuator.set_to_position(kp=stiffness, kv=stiffness * _LAG)
        limit = float(joint.actfrcrange[1]) or 150.0
        actuator.forcelimited, actuator.forcerange = True, [-limit, limit]
        actuator.ctrllimited, actuator.ctrlrange = True, list(joint.range)
    for name in description.FINGER_JOINTS:
        actuator = spec.add_actuator(name=name, target=name, trntype=mujoco.mjtTrn.mjTRN_JOINT)
        actuator.set_to_position(kp=800.0, kv=40.0)
        actuator.forcelimited, actuator.forcerange = True, [-12.0, 12.0]
        actuator.ctrllimited, actuator.ctrlrange = True, [-0.01, 0.04]


def _add_cameras(spec: mujoco.MjSpec) -> None:
    """In the optical frames of the URDF, whose z looks out and y down; MuJoCo's cameras look along -z, y up."""
    for name, angle in (("front", FRONT_FIELD_OF_VIEW), ("wrist", WRIST_FIELD_OF_VIEW)):
        frame = spec.body(f"{name}_camera_optical_frame")
        frame.add_camera(name=name, quat=[0.0, 1.0, 0.0, 0.0], fovy=float(np.degrees(angle)))


def _add_lights(spec: mujoco.MjSpec) -> None:
    spec.worldbody.add_light(
        name="lamp",
        pos=[0.6, 0.3, 1.6],
        dir=[-0.15, -0.2, -1.0],
        type=mujoco.mjtLightType.mjLIGHT_DIRECTIONAL,
        diffuse=[0.5, 0.5, 0.5],
        specular=[0.1, 0.1, 0.1],
        castshadow=True,
    )
    headlight = spec.visual.headlight
    headlight.ambient, headlight.diffuse, headlight.specular = [0.38] * 3, [0.25] * 3, [0.0] * 3


FRONT_FIELD_OF_VIEW = 0.72
WRIST_FIELD_OF_VIEW = 1.2
"""Vertical (and, the images being square, horizontal) opening of the cameras [rad]."""
