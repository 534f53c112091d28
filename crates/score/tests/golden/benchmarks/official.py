"""lmms-eval 0.7.3's own functions, imported without its heavy dependencies."""

import importlib
import io
import contextlib
import random
import sys
import types


def load(root):
    """Registers `root` (the unpacked package `lmms_eval`) so that its tasks import alone; returns an importer."""
    for name in ("lmms_eval", "lmms_eval.tasks", "lmms_eval.filters"):
        module = types.ModuleType(name)
        module.__path__ = [root + name.removeprefix("lmms_eval").replace(".", "/")]
        sys.modules[name] = module
    # RealWorldQA's filters are not used; they alone need the registry of `datasets`.
    for name in ("extraction", "transformation"):
        stub = types.ModuleType(f"lmms_eval.filters.{name}")
        stub.ExtendedRegexFilter = stub.MapFilter = object
        sys.modules[stub.__name__] = stub
    import loguru

    loguru.logger.remove()
    return lambda task: importlib.import_module("lmms_eval.tasks." + task)


def quietly(function, *args, **kwargs):
    with contextlib.redirect_stdout(io.StringIO()):
        return function(*args, **kwargs)


class Drew(Exception):
    """The reference was about to draw a random answer."""


@contextlib.contextmanager
def no_chance():
    def draw(*_):
        raise Drew

    kept = random.choice
    random.choice = draw
    try:
        yield
    finally:
        random.choice = kept
