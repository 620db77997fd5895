"""
The chat itself, without any wire, disk or clock.  Pure.

What happens to a line, and where:

  - a person's L{conversation} takes it, looks a command up among L{commands}, checks
    it as a courtesy and proposes an event (L{events}) to the L{pipeline};
  - the pipeline orders what was proposed in one turn and has the L{lobby} apply it,
    which decides for good, also against what the check let through;
  - what that brings about (L{happenings}, L{refusals}) stands in a L{batch}, which is
    stored by a journal and then released: nobody sees what could still be lost.

The lobby knows L{sessions} and L{rooms}; L{names} says what both may be called.
"""
