"""The parts of the bench, in the order in which they run. Each is a module here with one function, measure (bench)."""

import importlib

NAMES = ("commands", "filters", "blocks", "queues", "startup", "memory", "stages", "credentials", "counted",
         "killed")


def load(name):
    return importlib.import_module(f"parts.{name}")
