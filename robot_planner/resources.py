# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Where the files beside the code are: config, launch, models, description.

A checkout (and ``pip install -e``, which installs no data files) has them at its root; an installed package has
them in ``share/robot_planner`` of its prefix, for pip and colcon alike.
"""

import os
from pathlib import Path

from robot_planner.errors import EnvironmentSetupError, ModelError, UnknownNameError

PACKAGE = Path(__file__).resolve().parent
MANIFEST = "manifest.yaml"
"""The file that makes a folder a model folder."""


def checkout() -> Path | None:
    """Root of the checkout that this code runs from; None if it is installed."""
    root = PACKAGE.parent
    return root if (root / "package.xml").is_file() and (root / "setup.py").is_file() else None


def roots() -> list[Path]:
    """Folders that may hold resources, best first: the checkout, the package itself, every share folder."""
    found = [root for root in (checkout(), PACKAGE) if root is not None]
    prefixes = [*Path(__file__).absolute().parents, *PACKAGE.parents]
    prefixes += [Path(prefix) for prefix in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if prefix]
    for prefix in prefixes:
        share = prefix / "share" / "robot_planner"
        if share.is_dir() and share not in found:
            found.append(share)
    return found


def resource(*parts: str) -> Path:
    """Path of an existing file or folder, such as ``resource("config", "default.yaml")``.

    Raises EnvironmentSetupError that names the places searched.
    """
    for root in roots():
        path = root.joinpath(*parts)
        if path.exists():
            return path
    searched = ", ".join(str(root) for root in roots())
    raise EnvironmentSetupError(f"'{'/'.join(parts)}' is not part of this installation; searched: {searched}")


def model_kind(name_or_folder: str) -> str:
    """What a model's configuration calls itself, such as "lbp"; "world" where it says nothing or there is no model."""
    import yaml  # late: --help must not wait for it

    try:
        folder = Path(name_or_folder)
        if folder.name == name_or_folder and not folder.is_dir():
            folder = model_folder(name_or_folder)
        config = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))
        return str(config["kind"])
    except (ModelError, OSError, ValueError, KeyError, TypeError, yaml.YAMLError):
        return "world"


def model_names() -> list[str]:
    """Names of the models there are, sorted."""
    return sorted({path.parent.name for root in roots() for path in (root / "models").glob(f"*/{MANIFEST}")})


def model_folder(name: str) -> Path:
    """Folder of the model called ``name``; raises ModelError that lists the models there are."""
    if name in model_names():
        return resource("models", name)
    raise ModelError(str(UnknownNameError("model", name, model_names())))
