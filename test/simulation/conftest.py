# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""One tabletop for all tests of the simulation: each test resets it to the episode it needs."""

from collections.abc import Iterator

import pytest

from robot_planner.simulation.tabletop import Tabletop


@pytest.fixture(scope="session")
def tabletop() -> Iterator[Tabletop]:
    with Tabletop(image_size=128) as made:
        yield made
