"""
The scale benchmark: a model of a cluster with very many people, and the measured costs it uses.

C{model} has the arithmetic, C{costs} measures (C{python -m benchmarks.scalecosts}), and the command
C{python -m benchmarks.scale} prints the tables of docs/scale.md.
"""

__all__: list[str] = []
