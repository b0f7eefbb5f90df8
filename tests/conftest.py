"""What holds for all tests."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

# How fast examples are drawn says something of the machine, which other tests use, too, and nothing of the code.
settings.register_profile("crowdcue", suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("crowdcue")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The slowest files come first: whoever is ready early takes a small one, and nobody waits long for the last."""
    items.sort(key=lambda item: item.get_closest_marker("web") is None)
