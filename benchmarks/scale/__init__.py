"""
The scale benchmark: a model of a cluster with very many users, and the measured costs it needs.

C{model} has the arithmetic, C{costs} measures (C{python -m benchmarks.scalecosts}), and the command
C{python -m benchmarks.scale} prints the tables of docs/scale.md.
"""

__all__: list[str] = []
