"""
The services, a module each.  A service is a protocol that says what to answer; admission, guards,
back-pressure and time limits are in L{tsservices.transport}.

L{tsservices.services.api} is what packages import that bring a service of their own.
"""
