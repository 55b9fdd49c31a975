"""A pytest plugin: tells, for each of kazoo's tests, whether it starts a server at all."""

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    from kazoo.testing import KazooTestHarness

    uses_server = item.cls is not None and issubclass(item.cls, KazooTestHarness)
    item.user_properties.append(("server", "yes" if uses_server else "no"))
