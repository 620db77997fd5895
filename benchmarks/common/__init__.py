"""
What several benchmarks share: options, servers, generators, samples, figures and tables.

Nothing here knows a service or a cell; it imports no benchmark.
"""

__all__: list[str] = []
