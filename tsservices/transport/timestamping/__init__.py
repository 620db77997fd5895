"""UDP with the kernel's times: when a datagram came, and when one left."""
