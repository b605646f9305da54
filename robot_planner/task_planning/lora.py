# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Low-rank adapters of others, added to a model's weights: W + scale B A (Hu et al., "LoRA", 2022).

A folder holds what PEFT saves: ``adapter_config.json`` and ``adapter_model.safetensors``. PEFT itself is not needed.
"""

import json
import math
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor, nn

from robot_planner.errors import ModelError

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
_PREFIX, _DOWN, _UP = "base_model.model.", ".lora_A.weight", ".lora_B.weight"
_PLAIN = {"use_dora": False, "bias": "none", "modules_to_save": None, "rank_pattern": {}, "alpha_pattern": {}}


def add_lora(model: nn.Module, folder: str | Path) -> int:
    """Adds an adapter to the weights of ``model`` and returns how many were changed; raises ModelError.

    A folder that does not fit leaves the model as it was.
    """
    folder = Path(folder)
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        tensors = safetensors.torch.load_file(folder / WEIGHTS)
        rank, alpha = int(config["r"]), float(config["lora_alpha"])
        unknown = [name for name, plain in _PLAIN.items() if (config.get(name) or plain) != plain]
        kind = config.get("peft_type")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, safetensors.SafetensorError) as error:
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        raise ModelError(f"no adapter can be read from {folder} ({reason}); needed: {CONFIG}, {WEIGHTS}") from None
    if kind != "LORA" or unknown or rank < 1:
        raise ModelError(f"adapter {folder} is {kind} with {', '.join(unknown) or f'rank {rank}'}; allowed: plain LORA")
    scale = alpha / (math.sqrt(rank) if config.get("use_rslora") else rank)
    changes: list[tuple[Tensor, Tensor]] = []
    for key in tensors:
        if key.endswith(_UP) and key.removesuffix(_UP) + _DOWN in tensors:
            continue
        if not key.endswith(_DOWN) or key.removesuffix(_DOWN) + _UP not in tensors:
            raise ModelError(f"adapter {folder} holds '{key}'; allowed: pairs of *{_DOWN} and *{_UP}")
        name = key.removesuffix(_DOWN)
        try:
            weight = model.get_submodule(name.removeprefix(_PREFIX)).weight
        except AttributeError:
            raise ModelError(f"adapter {folder} is for another model: this one has no '{name}'") from None
        down, up, turned = tensors[key], tensors[name + _UP], bool(config.get("fan_in_fan_out"))
        shape = (up.shape[0], down.shape[-1])[:: -1 if turned else 1]
        if not isinstance(weight, Tensor) or weight.shape != shape or (down.shape[0], up.shape[1]) != (rank, rank):
            raise ModelError(f"adapter {folder} is for another model: '{name}' is of another shape")
        change = scale * (up.double() @ down.double())
        changes.append((weight, change.T if turned else change))
    with torch.no_grad():
        for weight, change in changes:
            weight.copy_((weight.double() + change.to(weight.device)).to(weight.dtype))
    return len(changes)
