"""
The doors: the ways into the chat, each for one kind of program.

Every door has a L{person} for each connection, to whom the chat speaks; what they do not
read yet waits in a L{backlog}, and L{flood} says how fast they may send.

The line door (L{line}) is for netcat, telnet and programs.  L{telnet} makes plain lines
of what these send, and L{intake} clean text; L{asking} has them say a secret.  L{textform}
writes what happens for people, with L{textpeople} who comes and goes, with L{textlists} what
was asked for, and with L{actionText} what was done to a room, in the time of day that
L{localtime} tells and with some L{phrases}; L{jsonform} writes it for programs, with the
fields of L{jsonfields}.
"""
