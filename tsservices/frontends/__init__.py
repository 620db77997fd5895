"""
Ways into the chat: bytes to operations, notifications to bytes.

  - L{connection}: what every frontend has for one connection, with what its reader has still to
    read (L{sendqueue}), and how fast it may send (L{flood});
  - L{formats}: notifications as text for people and as JSON for programs;
  - L{line}: plain lines, for netcat, telnet and programs.

Frontends know each other only through C{formats} and C{connection}.
"""
