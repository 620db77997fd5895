"""
The measuring client: C{python -m tsservices.client probe}.
"""
