"""
The doors: the ways into the chat, each for one kind of program.

The line door is for netcat, telnet and our own client.  L{telnet} makes plain lines
of what such programs send; L{textform} writes what happens for people, in the time
of day that L{localtime} tells and with some L{phrases}, and L{jsonform} for programs.
"""
