"""
What users and programs have stays good: files that an older version wrote, read by today's code.

C{files/README} says who wrote them.  All that these tests know of the inside of the program stands
in L{tests.compatibility.current}.
"""
