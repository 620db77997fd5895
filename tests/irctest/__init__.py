"""The controller by which progval/irctest judges the IRC frontend; docs/irc.md has the command."""
