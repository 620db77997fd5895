"""Tests of L{tsservices}."""
