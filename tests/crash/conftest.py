"""The fixtures and clients of the integration tests, for tests that do worse things to a server than talk to it."""

import importlib.util
import pathlib
import sys

INTEGRATION = pathlib.Path(__file__).resolve().parents[1] / "integration"
sys.path.insert(0, str(INTEGRATION))


def _load(name, path):
    """As a module of another name: there can be only one `conftest`."""
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


server = _load("integration_conftest", INTEGRATION / "conftest.py").server
