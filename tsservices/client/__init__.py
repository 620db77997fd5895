"""
The command line clients of the services.

C{tsservices client} sends lines to the timestamp service; C{tsservices chat}, C{talk} and
C{probe} are in L{tsservices.client.chat}, L{tsservices.client.talk} and
L{tsservices.client.probe}.
"""
