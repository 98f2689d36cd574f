"""Measurements: `python -m bench`. Nothing here is a test, and nothing here is part of the package.

Figures depend on the machine and on what else it does, so each comes with the load average, and a ratio is
taken only between things measured in turn within one run.
"""
