"""
What twistd runs.  Nothing else decides what is served, and nothing imports this package but
C{__main__}.
"""
