# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Vision-language models of others, read from disk: CLIP and SigLIP through transformers, CLIP and DecisionNCE-class
ones (a CLIP ResNet that was trained further) through open_clip.

A folder holds what those libraries save: ``config.json`` and ``model.safetensors`` with the tokenizer's files, or
``open_clip_config.json`` and ``open_clip_model.safetensors``. Nothing is fetched, nothing is unpickled.
"""

import hashlib
import importlib
import json
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import cv2
import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from robot_planner.errors import EnvironmentSetupError, InvalidInputError, ModelError
from robot_planner.language.tokens import check_text
from robot_planner.types import FloatArray

TRANSFORMERS_FILES = ("config.json", "model.safetensors")
OPEN_CLIP_FILES = ("open_clip_config.json", "open_clip_model.safetensors")
EXTRA = "pip install 'robot_planner[pretrained]'"
_CLIP_MEAN, _CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
_WRAPPERS = ("module.", "model.", "clip.")
_KINDS = ("clip", "siglip", "siglip2")


class Backend(Protocol):
    """Features of images and texts in one space."""

    name: str
    dim: int
    image_size: int
    mean: Sequence[float]
    std: Sequence[float]

    def text_features(self, texts: Sequence[str]) -> Tensor:
        """Texts -> (B, D)."""
        ...

    def image_features(self, pixels: Tensor) -> Tensor:
        """Normalised pixels (B, 3, S, S) -> (B, D)."""
        ...


class Pretrained:
    """A vision-language model; features are scaled to length sqrt(D), so that their numbers are of size one."""

    def __init__(self, backend: Backend, digest: str, device: torch.device | str = "cpu") -> None:
        self.backend, self.digest, self.device, self.dim = backend, digest, device, backend.dim
        self._mean = torch.tensor(backend.mean, device=device).view(3, 1, 1)
        self._std = torch.tensor(backend.std, device=device).view(3, 1, 1)

    def texts(self, texts: Sequence[str]) -> FloatArray:
        """Texts -> float32 (B, D); raises InvalidInputError for what can't be an instruction."""
        plain = [check_text(text) for text in texts]
        with torch.inference_mode():
            return self._scaled(self.backend.text_features(plain))

    def images(self, images: npt.NDArray[np.uint8]) -> FloatArray:
        """RGB uint8 (B, H, W, 3), square -> float32 (B, D); raises InvalidInputError."""
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] != 3 or images.shape[1] != images.shape[2]:
            raise InvalidInputError(
                f"images are {images.dtype} of shape {images.shape}; allowed: uint8 RGB (B, H, W, 3), square"
            )
        size = self.backend.image_size
        method = cv2.INTER_AREA if images.shape[1] >= size else cv2.INTER_CUBIC
        sized = np.stack([cv2.resize(image, (size, size), interpolation=method) for image in images])
        pixels = torch.from_numpy(sized).to(self.device).permute(0, 3, 1, 2).float().div_(255.0)
        with torch.inference_mode():
            return self._scaled(self.backend.image_features((pixels - self._mean) / self._std))

    def _scaled(self, features: Tensor) -> FloatArray:
        return (F.normalize(features.float(), dim=-1) * self.dim**0.5).cpu().numpy()


class PretrainedText:
    """The TextEncoder protocol over a Pretrained."""

    def __init__(self, model: Pretrained) -> None:
        self.model, self.name, self.digest, self.embedding_dim = model, model.backend.name, model.digest, model.dim

    def encode(self, texts: Sequence[str]) -> FloatArray:
        """Texts -> embeddings float32 (B, L); raises InvalidInputError."""
        return self.model.texts(texts)


def load_pretrained(folder: str | Path, device: torch.device | str = "cpu") -> Pretrained:
    """Reads the model in a folder.

    Raises ModelError if the folder holds none, or one that can't be read; EnvironmentSetupError if the library for it
    isn't installed.
    """
    path = Path(folder)
    for files, load in ((OPEN_CLIP_FILES, _OpenClip), (TRANSFORMERS_FILES, _Transformers)):
        if not (path / files[0]).is_file():
            continue
        if not (path / files[1]).is_file():
            raise ModelError(
                f"model {path} has no {files[1]}; allowed: weights as safetensors (pickled ones are never read)"
            )
        total = hashlib.sha256()
        for name in files:
            total.update((path / name).read_bytes())
        try:
            return Pretrained(load(path, device), total.hexdigest(), device)
        except (EnvironmentSetupError, ModelError):
            raise
        except Exception as error:  # whatever a foreign library raises for a folder it can't read
            reason = " ".join(str(error).split())[:200]
            raise ModelError(f"model {path} can't be read: {type(error).__name__}: {reason}") from None
    wanted = " or ".join(" and ".join(files) for files in (TRANSFORMERS_FILES, OPEN_CLIP_FILES))
    raise ModelError(f"{path} holds no pretrained model; allowed: a folder with {wanted}")


def library(name: str) -> ModuleType:
    """A library of the extra ``pretrained``; raises EnvironmentSetupError if it isn't installed or does not load."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise EnvironmentSetupError(f"this model needs the package '{error.name}': {EXTRA}") from None
    except (ImportError, RuntimeError, OSError) as error:  # such as a torchvision of another torch
        reason = " ".join(str(error).split())[:200]
        raise EnvironmentSetupError(f"this model needs '{name}', which fails to load ({reason}): {EXTRA}") from None


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"can't read {path}: {error}") from None
    if not isinstance(value, dict):
        raise ModelError(f"{path} is not a mapping")
    return value


class _Transformers:
    def __init__(self, folder: Path, device: torch.device | str) -> None:
        transformers = library("transformers")
        kind = _json(folder / "config.json").get("model_type")
        if kind not in _KINDS:
            raise ModelError(f"model {folder} is of type '{kind}'; allowed: {', '.join(_KINDS)}")
        local = {"local_files_only": True, "trust_remote_code": False}
        self.model = transformers.AutoModel.from_pretrained(folder, use_safetensors=True, **local)
        self.model = self.model.to(device).eval().requires_grad_(False)
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(folder, **local)
        config = self.model.config
        self.name, self.image_size, self.device = f"transformers {kind}", int(config.vision_config.image_size), device
        self.length = int(config.text_config.max_position_embeddings)
        self.padding = "longest" if kind == "clip" else "max_length"  # as each was trained
        clip = kind == "clip"
        self.dim = int(config.projection_dim if clip else config.vision_config.hidden_size)
        processor = folder / "preprocessor_config.json"
        given = _json(processor) if processor.is_file() else {}
        self.mean = given.get("image_mean", _CLIP_MEAN if clip else (0.5, 0.5, 0.5))
        self.std = given.get("image_std", _CLIP_STD if clip else (0.5, 0.5, 0.5))

    def text_features(self, texts: Sequence[str]) -> Tensor:
        options = {"padding": self.padding, "truncation": True, "max_length": self.length, "return_tensors": "pt"}
        batch = self.tokenizer(list(texts), **options)
        known = {key: batch[key].to(self.device) for key in ("input_ids", "attention_mask") if key in batch}
        if self.padding == "max_length":
            known.pop("attention_mask", None)  # SigLIP attends to its padding
        return self._pooled(self.model.get_text_features(**known))

    def image_features(self, pixels: Tensor) -> Tensor:
        return self._pooled(self.model.get_image_features(pixel_values=pixels))

    @staticmethod
    def _pooled(output: Any) -> Tensor:
        return output if isinstance(output, Tensor) else output.pooler_output


class _OpenClip:
    def __init__(self, folder: Path, device: torch.device | str) -> None:
        open_clip = library("open_clip")
        import safetensors.torch

        config = _json(folder / OPEN_CLIP_FILES[0])
        sizes, looks = dict(config.get("model_cfg", {})), config.get("preprocess_cfg", {})
        text = sizes.get("text_cfg", {})
        if "hf_model_name" in text or "hf_tokenizer_name" in text:
            raise ModelError(f"model {folder} takes its text tower from another model; allowed: CLIP's own")
        custom = sizes.pop("custom_text", False)
        self.model = (open_clip.CustomTextCLIP if custom else open_clip.CLIP)(**sizes)
        tensors = safetensors.torch.load_file(folder / OPEN_CLIP_FILES[1])
        for prefix in _WRAPPERS:
            if all(key.startswith(prefix) for key in tensors):
                tensors = {key.removeprefix(prefix): value for key, value in tensors.items()}
        self.model.load_state_dict(tensors)
        self.model = self.model.to(device).eval().requires_grad_(False)
        self.tokenizer = open_clip.SimpleTokenizer(context_length=text.get("context_length", 77))
        self.name, self.device, self.dim = "open_clip", device, int(sizes["embed_dim"])
        size = self.model.visual.image_size
        self.image_size = int(size[0] if isinstance(size, Sequence) else size)
        self.mean, self.std = looks.get("mean", _CLIP_MEAN), looks.get("std", _CLIP_STD)

    def text_features(self, texts: Sequence[str]) -> Tensor:
        return self.model.encode_text(self.tokenizer(list(texts)).to(self.device))

    def image_features(self, pixels: Tensor) -> Tensor:
        return self.model.encode_image(pixels)
