"""
Code shared by several benchmarks: options, servers, generators, samples, figures and tables.

It does not depend on a service or a cell, and imports no benchmark.
"""

__all__: list[str] = []
