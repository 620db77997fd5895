"""Modules for all other packages, which import none of these.  Pure, except L{logs}."""
