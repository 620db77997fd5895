"""UDP with the kernel's timestamps of received and sent datagrams."""
