"""
What was public once stays: today's code against files that an older one has written.

C{files} was recorded by the code that C{files/README} names, C{python -m
tests.compatibility.record} makes such files, and all that these tests know of the inside of
the program stands in L{tests.compatibility.current}.
"""
