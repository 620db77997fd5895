"""
The services, one module each.  A service is a protocol that makes the answers; admission, guards,
back-pressure and time limits are in L{tsservices.transport}.

L{tsservices.services.api} is the API for services of other packages.
"""
