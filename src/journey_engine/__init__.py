"""Lifecycle journeys: YAML in, customers evaluated as a set, messages out once.

Deciding is a pure function of state, customers, events and an instant; delivering is a
separate plane behind the mailroom. This module must not import the rest of the package,
so that the command line starts without loading what a command does not need.
"""

__version__ = "0.1.0"

__all__ = ["__version__"]
