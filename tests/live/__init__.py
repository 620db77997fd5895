"""
Tests of real servers: processes started as a user starts them, sockets of the
operating system, clients as tutorials write them.  Nothing here knows Twisted.
"""
