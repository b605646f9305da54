# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Model folders: weights, config and card under a manifest of SHA-256 sums that is checked at each load.

A folder holds ``weights.safetensors``, ``config.yaml``, ``README.md`` (the card), extra files if there are any, and
``manifest.yaml``. Nothing is ever unpickled. A save either happens whole or leaves the former model as it was.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import yaml
from torch import Tensor

from robot_planner.errors import EnvironmentSetupError, ModelError
from robot_planner.resources import MANIFEST, model_folder

FORMAT = "robot_planner model"
VERSION = 1
WEIGHTS, CONFIG, CARD = "weights.safetensors", "config.yaml", "README.md"


@dataclass(frozen=True)
class Checkpoint:
    """A model as it was saved, its files checked against the manifest."""

    tensors: dict[str, Tensor]
    """On the CPU."""
    config: dict[str, Any]
    digest: str
    """SHA-256 (hex) over weights and config: says which model this is."""
    folder: Path

    def file(self, name: str) -> Path:
        """Path of a file that the manifest lists; raises ModelError."""
        manifest = _read_manifest(self.folder)
        if name not in manifest:
            raise ModelError(f"model {self.folder} has no file '{name}'; it has: {', '.join(sorted(manifest))}")
        return self.folder / name


def save_checkpoint(
    folder: str | Path,
    tensors: Mapping[str, Tensor],
    config: Mapping[str, Any],
    card: str,
    extra_files: Mapping[str, bytes | str] | None = None,
) -> Checkpoint:
    """Writes a model folder, in the place of the model that is there; files not in its manifest are kept.

    ``config`` is plain data (what YAML's safe loader reads back). Raises ModelError if the folder holds something
    other than a model, EnvironmentSetupError if it can't be written; the former model is then untouched.
    """
    target = Path(folder).absolute()
    if target.exists() and not (target / MANIFEST).is_file() and (not target.is_dir() or any(target.iterdir())):
        raise ModelError(f"{target} is there and is no model folder; name a new, empty or model folder")
    try:
        text = yaml.safe_dump(dict(config), sort_keys=False)
    except yaml.YAMLError as error:
        raise ModelError(f"the model's config holds something other than plain data: {error}") from None
    # clone: safetensors refuses tensors that share memory, as tied weights do
    weights = safetensors.torch.save(
        {name: tensor.detach().cpu().clone().contiguous() for name, tensor in tensors.items()}
    )
    files: dict[str, bytes | str] = {WEIGHTS: weights, CONFIG: text, CARD: card}
    for name, extra in (extra_files or {}).items():
        if name in files or not _is_plain(name):
            raise ModelError(f"'{name}' can't be the name of an extra file of a model; use a plain, unused file name")
        files[name] = extra
    contents = {name: data.encode() if isinstance(data, str) else data for name, data in files.items()}
    sums = {name: hashlib.sha256(data).hexdigest() for name, data in contents.items()}
    manifest = {"format": FORMAT, "version": VERSION, "files": sums}
    contents[MANIFEST] = yaml.safe_dump(manifest, sort_keys=False).encode()
    try:
        _replace_folder(target, contents)
    except OSError as error:
        raise EnvironmentSetupError(f"can't write model {target}: {error.strerror or error}") from None
    return load_checkpoint(target)


def load_checkpoint(folder_or_name: str | Path) -> Checkpoint:
    """Reads and checks the model in a folder, or the shipped model of that name.

    Raises ModelError in one line: missing, altered, of another format version, or unknown (the models are listed).
    """
    folder = find_model(folder_or_name)
    sums = _read_manifest(folder)
    missing = [name for name in (WEIGHTS, CONFIG) if name not in sums]
    if missing:
        raise ModelError(f"model {folder}: its {MANIFEST} does not list {' and '.join(missing)}")
    contents: dict[str, bytes] = {}
    for name, expected in sums.items():
        try:
            data = (folder / name).read_bytes()
        except OSError as error:
            raise ModelError(f"model {folder}: can't read {name}: {error.strerror or error}") from None
        if hashlib.sha256(data).hexdigest() != expected:
            raise ModelError(
                f"model {folder}: {name} is not what its {MANIFEST} says (altered or cut short); get it anew"
            )
        if name in (WEIGHTS, CONFIG):
            contents[name] = data
    try:
        tensors = safetensors.torch.load(contents[WEIGHTS])
        config = yaml.safe_load(contents[CONFIG])
    except (safetensors.SafetensorError, yaml.YAMLError) as error:
        raise ModelError(f"model {folder} can't be parsed: {' '.join(str(error).split())}") from None
    if not isinstance(config, dict):
        raise ModelError(f"model {folder}: {CONFIG} is not a mapping")
    digest = hashlib.sha256(f"{sums[WEIGHTS]}{sums[CONFIG]}".encode()).hexdigest()
    return Checkpoint(tensors, config, digest, folder)


def find_model(folder_or_name: str | Path) -> Path:
    """Folder of a model: a path is taken as it is, a bare name means a shipped model first; raises ModelError."""
    path = Path(folder_or_name)
    is_name = isinstance(folder_or_name, str) and path.name == folder_or_name
    if is_name and not path.is_dir():
        return model_folder(path.name)
    if is_name:
        try:
            return model_folder(path.name)
        except ModelError:
            pass  # a folder of that name in the working directory
    _recover(path)
    if not path.is_dir():
        raise ModelError(f"there is no model folder {path}")
    return path


def _is_plain(name: object) -> bool:
    return isinstance(name, str) and name not in ("", ".", "..", MANIFEST) and "/" not in name and "\\" not in name


def _read_manifest(folder: Path) -> dict[str, str]:
    """File name -> SHA-256 of a folder; raises ModelError."""
    try:
        manifest = yaml.safe_load((folder / MANIFEST).read_bytes())
    except OSError as error:
        raise ModelError(f"{folder} is no model folder: {MANIFEST}: {error.strerror or error}") from None
    except yaml.YAMLError:
        raise ModelError(f"model {folder}: its {MANIFEST} can't be parsed") from None
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise ModelError(f"model {folder}: its {MANIFEST} is not of format '{FORMAT}'")
    if manifest.get("version") != VERSION:
        found = manifest.get("version")
        raise ModelError(f"model {folder} has format version {found}; this robot_planner reads version {VERSION}")
    sums = manifest.get("files")
    if not isinstance(sums, dict) or not all(_is_plain(name) for name in sums):
        raise ModelError(f"model {folder}: its {MANIFEST} has no valid list of files")
    return sums


def _previous(target: Path) -> Path:
    return target.with_name(f".{target.name}.previous")


def _recover(target: Path) -> None:
    """Puts the former model back if a save was interrupted between its two renames."""
    if not target.exists() and (_previous(target) / MANIFEST).is_file():
        _previous(target).rename(target)


def _replace_folder(target: Path, contents: Mapping[str, bytes]) -> None:
    """Writes a folder beside its target, then swaps the two; whatever fails, the former one stays."""
    target.parent.mkdir(parents=True, exist_ok=True)
    _recover(target)
    former = set(_read_manifest_names(target))
    fresh = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        fresh.chmod(0o755)
        for name, data in contents.items():
            with (fresh / name).open("wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
        if target.is_dir():
            for kept in target.iterdir():
                if kept.name not in former | set(contents):
                    copy = shutil.copytree if kept.is_dir() else shutil.copy2
                    copy(kept, fresh / kept.name)
            shutil.rmtree(_previous(target), ignore_errors=True)
            target.rename(_previous(target))
        fresh.rename(target)
        shutil.rmtree(_previous(target), ignore_errors=True)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        _recover(target)


def _read_manifest_names(target: Path) -> list[str]:
    """Names that the former manifest lists; none if it can't be read."""
    try:
        return [MANIFEST, *_read_manifest(target)]
    except ModelError:
        return [MANIFEST]
