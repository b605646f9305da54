# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""What every model of several networks shares: their weights as one set of tensors, and the identity of weights."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from torch import Tensor, nn

from robot_planner.errors import ModelError


class NetworkParts:
    """A dataclass whose fields are networks: saved and loaded as one, each tensor prefixed by its network's name."""

    def state_dict(self) -> dict[str, Tensor]:
        """All tensors."""
        return {
            f"{part}.{key}": tensor.contiguous()
            for part, net in vars(self).items()
            for key, tensor in net.state_dict().items()
        }

    def load_state_dict(self, tensors: Mapping[str, Tensor]) -> None:
        """Inverse of ``state_dict``; raises ModelError where names or shapes differ."""
        for part, network in vars(self).items():
            own = {key.removeprefix(f"{part}."): t for key, t in tensors.items() if key.startswith(f"{part}.")}
            try:
                network.load_state_dict(own)
            except RuntimeError as error:
                raise ModelError(f"the weights of '{part}' don't fit its configuration: {error}") from None


def network_digest(network: nn.Module, config: Any) -> str:  # noqa: ANN401 - any dataclass of sizes
    """SHA-256 over a network's sizes and weights: for an encoder, the identity of its latent space."""
    digest = hashlib.sha256(repr(sorted(asdict(config).items())).encode())
    for key, tensor in sorted(network.state_dict().items()):
        digest.update(key.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
