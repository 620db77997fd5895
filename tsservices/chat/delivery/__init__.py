"""Whom deliveries reach, and how many of them at one go."""
