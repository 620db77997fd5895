"""
Tests of L{tsservices}.
"""
