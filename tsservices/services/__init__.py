"""
The services, a module each.  A service is a protocol that says what to answer;
being admitted, guarded, held back and ended is L{tsservices.transport}'s.
"""
