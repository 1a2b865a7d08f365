"""Experiments and recorded data, driven through the service's own two calls."""
