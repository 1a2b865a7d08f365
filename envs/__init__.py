"""Worlds with users in them; they know nothing of the rest of the house."""
