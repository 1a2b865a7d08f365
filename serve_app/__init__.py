"""The HTTP service: parse, call, map."""
